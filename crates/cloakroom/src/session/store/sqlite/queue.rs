//! Operations on their way to a thread that owns a connection, and answers on their way back.

use std::sync::mpsc::{self, Receiver, SyncSender, TrySendError};

use protocol::Timestamp;
use rusqlite::Connection;
use tokio::sync::oneshot;

use super::fault::store_error;
use crate::session::store::StoreError;

/// How many operations wait at most. Beyond that the disk is too slow, and saying so beats waiting longer.
const MOST_WAITING: usize = 1024;

/// A bounded queue into one or more threads.
pub(super) struct Queue {
    sender: SyncSender<Message>,
}

/// What travels through a queue.
pub(super) enum Message {
    /// An operation.
    Run(Haste, Box<dyn Job>),
    /// The thread that takes it finishes what it has and ends.
    Stop,
}

/// Whether an operation may wait for company.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Haste {
    /// It is committed as soon as the disk is free.
    Now,
    /// It is committed with the next that cannot wait, or a little later.
    RideAlong,
}

/// An operation together with whoever waits for its answer.
pub(super) trait Job: Send {
    /// Does it and keeps the outcome. Done again when the transaction around it was lost.
    fn run(&mut self, connection: &Connection, now: Timestamp);

    /// Hands the outcome over, or this error in its place: the transaction around it was not committed.
    fn answer(self: Box<Self>, lost: Option<StoreError>);
}

impl Queue {
    /// A queue and its end.
    pub(super) fn new() -> (Self, Receiver<Message>) {
        let (sender, receiver) = mpsc::sync_channel(MOST_WAITING);
        (Self { sender }, receiver)
    }

    /// What the operation returned, once it is committed.
    pub(super) async fn ask<T, O>(&self, haste: Haste, operation: O) -> Result<T, StoreError>
    where
        T: Send + 'static,
        O: FnMut(&Connection, Timestamp) -> rusqlite::Result<T> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        self.send(haste, operation, |outcome| drop(reply.send(outcome)))?;
        answer.await.unwrap_or_else(|_| Err(closed()))
    }

    /// As [`ask`](Self::ask), for callers that may block.
    pub(super) fn ask_blocking<T, O>(&self, operation: O) -> Result<T, StoreError>
    where
        T: Send + 'static,
        O: FnMut(&Connection, Timestamp) -> rusqlite::Result<T> + Send + 'static,
    {
        let (reply, answer) = mpsc::sync_channel(1);
        self.send(Haste::Now, operation, move |outcome| drop(reply.send(outcome)))?;
        answer.recv().unwrap_or_else(|_| Err(closed()))
    }

    /// Lets one thread end after everything that waits already. Blocks while the queue is full.
    pub(super) fn stop(&self) {
        // Without a receiver the thread has ended already.
        drop(self.sender.send(Message::Stop));
    }

    /// Lets the outcome of an operation be handed to `reply`, on the thread that carries it out.
    pub(super) fn send<T, O, R>(&self, haste: Haste, operation: O, reply: R) -> Result<(), StoreError>
    where
        T: Send + 'static,
        O: FnMut(&Connection, Timestamp) -> rusqlite::Result<T> + Send + 'static,
        R: FnOnce(Result<T, StoreError>) + Send + 'static,
    {
        let job = Waiting { operation, outcome: Err(closed()), reply };
        self.sender.try_send(Message::Run(haste, Box::new(job))).map_err(|error| match error {
            TrySendError::Full(_) => StoreError::Unavailable(format!("{MOST_WAITING} operations are waiting already")),
            TrySendError::Disconnected(_) => closed(),
        })
    }
}

fn closed() -> StoreError {
    StoreError::Unavailable("it was closed".to_owned())
}

struct Waiting<T, O, R> {
    operation: O,
    outcome: Result<T, StoreError>,
    reply: R,
}

impl<T, O, R> Job for Waiting<T, O, R>
where
    T: Send,
    O: FnMut(&Connection, Timestamp) -> rusqlite::Result<T> + Send,
    R: FnOnce(Result<T, StoreError>) + Send,
{
    fn run(&mut self, connection: &Connection, now: Timestamp) {
        self.outcome = (self.operation)(connection, now).map_err(|error| store_error(&error));
    }

    fn answer(self: Box<Self>, lost: Option<StoreError>) {
        (self.reply)(lost.map_or(self.outcome, Err));
    }
}

#[cfg(test)]
mod tests {
    use std::{future::Future, pin::pin, task::Context, task::Waker};

    use super::*;

    #[test]
    fn a_full_queue_answers_at_once_that_it_is_full() {
        let (queue, _stalled) = Queue::new();
        let mut context = Context::from_waker(Waker::noop());
        let waiting: Vec<_> = (0..MOST_WAITING)
            .map(|_| {
                let mut ask = Box::pin(queue.ask(Haste::Now, |_, _| Ok(())));
                assert!(ask.as_mut().poll(&mut context).is_pending());
                ask
            })
            .collect();

        let one_more = pin!(queue.ask(Haste::Now, |_, _| Ok(()))).poll(&mut context);

        assert!(matches!(one_more, std::task::Poll::Ready(Err(StoreError::Unavailable(_)))));
        drop(waiting);
    }

    #[test]
    fn a_queue_without_its_thread_answers_that_it_was_closed() {
        let (queue, receiver) = Queue::new();

        drop(receiver);

        assert!(matches!(queue.ask_blocking(|_, _| Ok(())), Err(StoreError::Unavailable(_))));
    }
}
