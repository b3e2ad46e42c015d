//! Places for connections: so many in all, so many for one peer.
//!
//! A new connection is judged in this order:
//!
//! 1. Its peer has its share already: the peer's longest idle connection makes room; where none is idle, the new one is
//!    turned away.
//! 2. All places are taken: the longest idle connection of all makes room; where none is idle, the new one waits.

use std::{
    collections::{BTreeMap, HashMap},
    net::{IpAddr, Ipv6Addr, SocketAddr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

use super::activity::Activity;

/// How many connections are open at the same time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Limits {
    total: usize,
    per_peer: usize,
}

impl Limits {
    /// So many; one peer has at most a quarter of them, or 64 where that is more.
    pub(crate) fn among_peers(total: usize) -> Self {
        Self { total, per_peer: (total / 4).max(LEAST_SHARE) }
    }

    /// So many, and one peer may have them all: a proxy through which everybody comes.
    pub(crate) fn for_one_peer(total: usize) -> Self {
        Self { total, per_peer: usize::MAX }
    }
}

/// Who holds which place.
#[derive(Debug)]
pub(super) struct Places {
    free: Arc<Semaphore>,
    per_peer: usize,
    taken: Mutex<Taken>,
}

/// A connection's place, free again when it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    places: Arc<Places>,
    peer: Peer,
    number: u64,
    activity: Arc<Activity>,
    _permit: OwnedSemaphorePermit,
}

/// Connections by peer, without those that have been asked to leave.
#[derive(Debug, Default)]
struct Taken {
    next_number: u64,
    by_peer: HashMap<Peer, BTreeMap<u64, Arc<Activity>>>,
}

/// Who connects: an IPv4 address, or an IPv6 network of 64 bits, which is what one customer gets at least.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
struct Peer(IpAddr);

impl Places {
    pub(super) fn new(limits: Limits) -> Arc<Self> {
        Arc::new(Self {
            free: Arc::new(Semaphore::new(limits.total)),
            per_peer: limits.per_peer,
            taken: Mutex::default(),
        })
    }

    /// A place for a connection from this address, by the list above; `None` when it is turned away.
    pub(super) async fn take(self: &Arc<Self>, address: SocketAddr) -> Option<Place> {
        let peer = Peer::of(address.ip());
        if self.taken().count(peer) >= self.per_peer && !self.taken().ask_longest_idle_of(peer) {
            return None;
        }
        let permit = self.permit().await?;
        let (number, activity) = self.taken().add(peer);
        Some(Place { places: Arc::clone(self), peer, number, activity, _permit: permit })
    }

    async fn permit(&self) -> Option<OwnedSemaphorePermit> {
        loop {
            if let Ok(permit) = Arc::clone(&self.free).try_acquire_owned() {
                return Some(permit);
            }
            self.taken().ask_longest_idle();
            // Connections become idle while we wait, so asking once is not enough.
            if let Ok(permit) = timeout(PAUSE, Arc::clone(&self.free).acquire_owned()).await {
                return permit.ok();
            }
        }
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// What goes on on the connection.
    pub(super) fn activity(&self) -> &Arc<Activity> {
        &self.activity
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.places.taken().remove(self.peer, self.number);
    }
}

impl Taken {
    fn count(&self, peer: Peer) -> usize {
        self.by_peer.get(&peer).map_or(0, BTreeMap::len)
    }

    fn add(&mut self, peer: Peer) -> (u64, Arc<Activity>) {
        let (number, activity) = (self.next_number, Arc::<Activity>::default());
        self.next_number += 1;
        self.by_peer.entry(peer).or_default().insert(number, Arc::clone(&activity));
        (number, activity)
    }

    fn remove(&mut self, peer: Peer, number: u64) -> Option<Arc<Activity>> {
        let connections = self.by_peer.get_mut(&peer)?;
        let removed = connections.remove(&number);
        if connections.is_empty() {
            self.by_peer.remove(&peer);
        }
        removed
    }

    fn ask_longest_idle_of(&mut self, peer: Peer) -> bool {
        let longest = self.by_peer.get(&peer).and_then(longest_idle);
        self.ask(longest.map(|(_, number)| (peer, number)))
    }

    fn ask_longest_idle(&mut self) -> bool {
        let longest_of_each = self.by_peer.iter().filter_map(|(peer, connections)| {
            longest_idle(connections).map(|(ticks, number)| (ticks, (*peer, number)))
        });
        let longest = longest_of_each.max_by_key(|(ticks, _)| *ticks);
        self.ask(longest.map(|(_, found)| found))
    }

    /// Asks this connection to leave, if it is still there; whether one was asked.
    fn ask(&mut self, found: Option<(Peer, u64)>) -> bool {
        let asked = found.and_then(|(peer, number)| self.remove(peer, number));
        if let Some(activity) = &asked {
            activity.ask_to_leave();
        }
        asked.is_some()
    }
}

impl Peer {
    fn of(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V6(address) => {
                let [a, b, c, d, ..] = address.segments();
                Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
            }
            address @ IpAddr::V4(_) => address,
        })
    }
}

/// The connection that nobody has used for the longest time, with that time in ticks; none that was used just now.
fn longest_idle(connections: &BTreeMap<u64, Arc<Activity>>) -> Option<(u32, u64)> {
    let idle = connections.iter().map(|(number, activity)| (activity.quiet_ticks(), *number));
    idle.filter(|(ticks, _)| *ticks > 0).max_by_key(|(ticks, _)| *ticks)
}

const LEAST_SHARE: usize = 64;
const PAUSE: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use http::Version;

    use super::*;

    fn places(total: usize, per_peer: usize) -> Arc<Places> {
        Places::new(Limits { total, per_peer })
    }

    async fn take(places: &Arc<Places>, peer: &str) -> Option<Place> {
        timeout(Duration::from_secs(5), places.take(SocketAddr::new(peer.parse().unwrap(), 1))).await.ok()?
    }

    async fn was_asked(place: &Place) -> bool {
        timeout(Duration::from_millis(1), place.activity().asked_to_leave()).await.is_ok()
    }

    #[tokio::test(start_paused = true)]
    async fn one_peer_cannot_have_all_places() {
        let places = places(8, 2);
        let held = [take(&places, "192.0.2.1").await.unwrap(), take(&places, "192.0.2.1").await.unwrap()];

        assert!(take(&places, "192.0.2.1").await.is_none());
        assert!(take(&places, "::ffff:192.0.2.1").await.is_none());
        assert!(take(&places, "192.0.2.2").await.is_some());

        drop(held);
        assert!(take(&places, "192.0.2.1").await.is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn addresses_of_one_ipv6_network_are_one_peer() {
        let places = places(8, 1);
        let _held = take(&places, "2001:db8:1:2::1").await.unwrap();

        assert!(take(&places, "2001:db8:1:2:ffff::9").await.is_none());
        assert!(take(&places, "2001:db8:1:3::1").await.is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_at_its_share_replaces_its_own_longest_idle_connection() {
        let places = places(8, 2);
        let (short, long) = (take(&places, "192.0.2.1").await.unwrap(), take(&places, "192.0.2.1").await.unwrap());
        let other = take(&places, "192.0.2.2").await.unwrap();
        for (place, ticks) in [(&short, 3), (&long, 9), (&other, 70)] {
            place.activity().set_quiet_ticks(ticks);
        }

        let new = take(&places, "192.0.2.1").await;

        assert!(new.is_some() && was_asked(&long).await);
        assert!(!was_asked(&short).await && !was_asked(&other).await);
    }

    #[tokio::test(start_paused = true)]
    async fn with_all_places_taken_the_longest_idle_connection_makes_room_and_a_busy_one_does_not() {
        let places = places(2, 2);
        let (busy, idle) = (take(&places, "192.0.2.1").await.unwrap(), take(&places, "192.0.2.2").await.unwrap());
        busy.activity().set_quiet_ticks(70);
        let _under_way = busy.activity().request_began(Version::HTTP_11);
        assert!(take(&places, "192.0.2.3").await.is_none(), "it waits");
        idle.activity().set_quiet_ticks(1);

        let waiting = async { take(&places, "192.0.2.3").await };
        let leaving = async {
            idle.activity().asked_to_leave().await;
            drop(idle);
        };
        let (new, ()) = tokio::join!(waiting, leaving);

        assert!(new.is_some() && !was_asked(&busy).await);
    }
}
