//! What one turn of the writer takes from the queue.

use std::{sync::mpsc::Receiver, time::Duration};

use super::queue::{Haste, Job, Message};
use crate::clock::{Clock, SystemClock};

/// How many operations one transaction carries at most: bounds the wait of the first by the work of the last.
const MOST_TOGETHER: usize = 256;

/// Operations to be committed together.
pub(super) struct Batch {
    pub(super) jobs: Vec<Box<dyn Job>>,
    pub(super) after: After,
}

/// What comes after a batch.
#[derive(PartialEq, Eq)]
pub(super) enum After {
    GoOn,
    Stop,
}

impl Batch {
    /// Waits for the first operation, then takes all that are there. Where none is urgent, waits for one as long as
    /// `ride`.
    pub(super) fn gather(queue: &Receiver<Message>, ride: Duration) -> Self {
        let mut batch = Self { jobs: Vec::new(), after: After::GoOn };
        if batch.take(queue.recv().unwrap_or(Message::Stop)) == Haste::RideAlong {
            batch.wait_for_company(queue, ride);
        }
        while batch.has_room() {
            let Ok(message) = queue.try_recv() else { break };
            batch.take(message);
        }
        batch
    }

    fn wait_for_company(&mut self, queue: &Receiver<Message>, ride: Duration) {
        // Real time, even where tests move the store's by hand: a waiting thread knows no other.
        let waited = SystemClock::start();
        while let Some(left) = ride.checked_sub(waited.monotonic())
            && self.has_room()
        {
            let Ok(message) = queue.recv_timeout(left) else { return };
            if self.take(message) == Haste::Now {
                return;
            }
        }
    }

    fn take(&mut self, message: Message) -> Haste {
        match message {
            Message::Run(haste, job) => {
                self.jobs.push(job);
                haste
            }
            Message::Stop => {
                self.after = After::Stop;
                Haste::Now
            }
        }
    }

    fn has_room(&self) -> bool {
        self.after == After::GoOn && self.jobs.len() < MOST_TOGETHER
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;
    use crate::session::store::sqlite::queue::Queue;

    /// Longer than any test may take: whoever waits it out has failed.
    const FOREVER: Duration = Duration::from_secs(600);

    fn send(queue: &Queue, haste: Haste) {
        queue.send(haste, |_, _| Ok(()), drop).unwrap();
    }

    #[test]
    fn everything_that_waits_is_taken_up_to_a_limit() {
        let (queue, waiting) = Queue::new();
        for _ in 0..MOST_TOGETHER + 10 {
            send(&queue, Haste::Now);
        }

        assert_eq!(Batch::gather(&waiting, FOREVER).jobs.len(), MOST_TOGETHER);
        assert_eq!(Batch::gather(&waiting, FOREVER).jobs.len(), 10);
    }

    #[test]
    fn an_operation_that_may_ride_along_waits_for_one_that_cannot_wait() {
        let (queue, waiting) = Queue::new();
        send(&queue, Haste::RideAlong);
        send(&queue, Haste::RideAlong);

        let later = thread::spawn(move || {
            thread::sleep(Duration::from_millis(20));
            send(&queue, Haste::Now);
            queue
        });

        assert_eq!(Batch::gather(&waiting, FOREVER).jobs.len(), 3);
        drop(later.join());
    }

    #[test]
    fn an_operation_that_found_no_company_goes_alone() {
        let (queue, waiting) = Queue::new();
        send(&queue, Haste::RideAlong);

        assert_eq!(Batch::gather(&waiting, Duration::from_millis(1)).jobs.len(), 1);
    }

    #[test]
    fn what_was_asked_before_the_stop_is_still_taken() {
        let (queue, waiting) = Queue::new();
        send(&queue, Haste::RideAlong);
        queue.stop();
        send(&queue, Haste::Now);

        let batch = Batch::gather(&waiting, FOREVER);

        assert!(batch.after == After::Stop);
        assert_eq!(batch.jobs.len(), 1);
    }
}
