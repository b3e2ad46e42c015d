//! Tells clients that a session has ended (OpenID Connect Back-Channel Logout 1.0).
//!
//! Whoever ended the session never waits for a client: what there is to tell goes into a queue, one for each client, so
//! that a dead client holds up nobody else. A thread of its own sends, whichever runtime, or none, the caller runs on.
//! What is in the queue when the process ends is lost; the clients' refresh tokens have ended in any case.

mod connector;
mod delivery;
mod destination;

use std::{collections::HashMap, io, sync::Arc, thread};

use tokio::{
    sync::mpsc::{self, error::TrySendError},
    task::JoinSet,
};

use self::delivery::Delivery;
pub(crate) use self::destination::Destination;
use crate::{clock::Clock, storage::participant::Participant, tokens::Mint};

/// The queues of the clients that want to be told.
pub(crate) struct BackChannel(HashMap<String, mpsc::Sender<Participant>>);

impl BackChannel {
    /// Starts to deliver to these clients, by their ids. Stops when it is dropped and its queues are empty.
    pub(crate) fn open(destinations: HashMap<String, Destination>, mint: Arc<Mint>, clock: Clock) -> io::Result<Self> {
        let mut queues = HashMap::new();
        let mut ends = Vec::new();
        for (client_id, destination) in destinations {
            let (sender, receiver) = mpsc::channel(LONGEST_QUEUE);
            queues.insert(client_id, sender);
            ends.push((destination, receiver));
        }
        if !ends.is_empty() {
            let delivery = Arc::new(Delivery::new(mint, clock)?);
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            let thread = thread::Builder::new().name("back-channel-logout".to_owned());
            thread.spawn(move || runtime.block_on(deliver_all(ends, delivery)))?;
        }
        Ok(Self(queues))
    }

    /// Queues what is to be told about sessions that have just ended. Never waits; what finds its client's queue full is
    /// dropped, and logged.
    pub(crate) fn tell(&self, ended: Vec<Participant>) {
        for participant in ended {
            let Some(queue) = self.0.get(&participant.client_id) else { continue };
            let lost = match queue.try_send(participant) {
                Ok(()) => continue,
                Err(TrySendError::Full(lost) | TrySendError::Closed(lost)) => lost,
            };
            tracing::warn!(client_id = lost.client_id, "a client is not told that a session has ended: queue full");
        }
    }
}

async fn deliver_all(ends: Vec<(Destination, mpsc::Receiver<Participant>)>, delivery: Arc<Delivery>) {
    let mut clients = JoinSet::new();
    for (destination, queue) in ends {
        clients.spawn(deliver_to(Arc::new(destination), queue, Arc::clone(&delivery)));
    }
    while clients.join_next().await.is_some() {}
}

async fn deliver_to(destination: Arc<Destination>, mut queue: mpsc::Receiver<Participant>, delivery: Arc<Delivery>) {
    let mut under_way = JoinSet::new();
    while let Some(participant) = queue.recv().await {
        while under_way.try_join_next().is_some() {}
        if under_way.len() >= MOST_AT_ONCE {
            under_way.join_next().await;
        }
        let (delivery, destination) = (Arc::clone(&delivery), Arc::clone(&destination));
        under_way.spawn(async move { delivery.deliver(&participant, &destination).await });
    }
    while under_way.join_next().await.is_some() {}
}

/// Ends that wait for one client.
const LONGEST_QUEUE: usize = 1024;
/// Requests to one client at a time.
const MOST_AT_ONCE: usize = 8;
