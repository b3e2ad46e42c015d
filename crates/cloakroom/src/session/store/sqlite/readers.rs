//! The reading threads: each owns a connection that cannot write, all take from one queue.

use std::{
    sync::{Arc, Mutex, PoisonError, mpsc::Receiver},
    thread::{self, JoinHandle},
};

use protocol::Timestamp;
use rusqlite::Connection;

use super::queue::Message;
use crate::clock::Clock;

/// Starts one thread per connection.
pub(super) fn start(
    connections: Vec<Connection>,
    queue: Receiver<Message>,
    clock: &Arc<dyn Clock>,
) -> std::io::Result<Vec<JoinHandle<()>>> {
    let queue = Arc::new(Mutex::new(queue));
    let threads = connections.into_iter().map(|connection| {
        let (queue, clock) = (Arc::clone(&queue), Arc::clone(clock));
        thread::Builder::new().name("session reader".to_owned()).spawn(move || {
            while let Some(message) = next(&queue) {
                read(message, &connection, clock.now());
            }
        })
    });
    threads.collect()
}

/// The next operation, or nothing when this thread is to end.
fn next(queue: &Mutex<Receiver<Message>>) -> Option<Message> {
    let queue = queue.lock().unwrap_or_else(PoisonError::into_inner);
    queue.recv().ok().filter(|message| matches!(message, Message::Run(..)))
}

fn read(message: Message, connection: &Connection, now: Timestamp) {
    if let Message::Run(_, mut job) = message {
        // A statement of its own sees everything committed before it started.
        job.run(connection, now);
        job.answer(None);
    }
}
