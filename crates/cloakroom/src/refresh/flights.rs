//! One refresh at a time per session in this process: whoever comes second waits for the first one's result.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::sync::watch;

use crate::session::{
    Opened,
    record::{EndReason, Generation, StoreKey},
};

/// How a flight ended.
#[derive(Clone, Debug)]
pub(crate) enum Landing {
    /// The session, with a newer token set or as it was.
    Session(Arc<Opened>),
    /// It has ended.
    Ended(EndReason),
    /// Nothing is decided. Use the token that is there, if it is good.
    Hold,
}

/// The refreshes under way.
#[derive(Debug, Default)]
pub(crate) struct Flights {
    under_way: Mutex<HashMap<Flight, watch::Receiver<Option<Landing>>>>,
    /// Refreshes that were not taken, and until when they are left alone.
    resting: Mutex<HashMap<Flight, Duration>>,
}

/// A refresh that was not taken is not tried again for so long.
const REST: Duration = Duration::from_secs(2);

/// What is refreshed.
pub(crate) type Flight = (StoreKey, Generation);

/// A place in a flight.
pub(crate) enum Boarded {
    /// The caller flies: run the refresh on a task of its own, then land.
    Pilot(Pilot),
    /// Somebody else does.
    Passenger(Passenger),
}

/// Ends the flight when dropped, landed or not.
pub(crate) struct Pilot {
    flights: Arc<Flights>,
    flight: Flight,
    landing: watch::Sender<Option<Landing>>,
}

/// Waits for the landing.
pub(crate) struct Passenger(watch::Receiver<Option<Landing>>);

impl Flights {
    pub(crate) fn board(self: &Arc<Self>, flight: Flight) -> Boarded {
        let mut under_way = self.lock();
        if let Some(receiver) = under_way.get(&flight) {
            return Boarded::Passenger(Passenger(receiver.clone()));
        }
        let (landing, receiver) = watch::channel(None);
        under_way.insert(flight, receiver);
        Boarded::Pilot(Pilot { flights: Arc::clone(self), flight, landing })
    }

    /// Leaves this session's refresh alone for a moment. Other sessions are not concerned.
    pub(crate) fn rest(&self, flight: Flight, now: Duration) {
        let mut resting = self.resting.lock().unwrap_or_else(PoisonError::into_inner);
        resting.retain(|_, until| *until > now);
        resting.insert(flight, now + REST);
    }

    /// Whether [`rest`](Self::rest) holds.
    pub(crate) fn is_resting(&self, flight: Flight, now: Duration) -> bool {
        let resting = self.resting.lock().unwrap_or_else(PoisonError::into_inner);
        resting.get(&flight).is_some_and(|until| *until > now)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Flight, watch::Receiver<Option<Landing>>>> {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pilot {
    /// A place for the one who began the flight.
    pub(crate) fn passenger(&self) -> Passenger {
        Passenger(self.landing.subscribe())
    }

    /// Tells everyone who waits. Only after this can the same flight begin again.
    pub(crate) fn land(self, landing: Landing) {
        self.landing.send_replace(Some(landing));
    }
}

impl Drop for Pilot {
    fn drop(&mut self) {
        self.flights.lock().remove(&self.flight);
    }
}

impl Passenger {
    /// The landing. A flight that broke off (a panic, a stop) decides nothing.
    pub(crate) async fn landing(mut self) -> Landing {
        match self.0.wait_for(Option::is_some).await {
            Ok(landing) => landing.clone().unwrap_or(Landing::Hold),
            Err(_) => Landing::Hold,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FLIGHT: Flight = (StoreKey([0; 32]), Generation(0));

    #[tokio::test]
    async fn one_flies_and_all_others_wait_for_the_same_landing() {
        let flights = Arc::new(Flights::default());
        let Boarded::Pilot(pilot) = flights.board(FLIGHT) else { panic!() };
        let passengers: Vec<Passenger> = (0..5)
            .map(|_| match flights.board(FLIGHT) {
                Boarded::Passenger(passenger) => passenger,
                Boarded::Pilot(_) => panic!("two pilots"),
            })
            .collect();

        pilot.land(Landing::Ended(EndReason::Logout));

        for passenger in passengers {
            assert!(matches!(passenger.landing().await, Landing::Ended(EndReason::Logout)));
        }
        assert!(matches!(flights.board(FLIGHT), Boarded::Pilot(_)));
    }

    #[tokio::test]
    async fn a_flight_that_breaks_off_decides_nothing_and_can_begin_again() {
        let flights = Arc::new(Flights::default());
        let Boarded::Pilot(pilot) = flights.board(FLIGHT) else { panic!() };
        let passenger = pilot.passenger();

        drop(pilot);

        assert!(matches!(passenger.landing().await, Landing::Hold));
        assert!(matches!(flights.board(FLIGHT), Boarded::Pilot(_)));
    }
}
