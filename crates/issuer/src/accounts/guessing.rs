//! Password guessing: every failure makes the next answer for that username slower.
//!
//! A browser that logged in under the username before is counted by itself, so that strangers who guess do not lock the
//! person out; it guesses no faster than they do.
//!
//! An attempt is charged before its password is compared, so attempts sent at once do not slip through side by side:
//! each reserves its place after the one before. A place too far ahead is refused. Usernames without an account are
//! charged alike. A correct password clears the charge.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use protocol::Timestamp;

use super::Username;
use crate::opaque::Hash;

/// How many failures each guesser has had lately. Lives in memory: a restart forgets it.
#[derive(Default)]
pub(crate) struct Guessing(Mutex<HashMap<Guesser, Charge>>);

/// Who types passwords for a username, as far as that can be told.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Guesser {
    /// Anybody: all of them together.
    Stranger(Username),
    /// A browser in which the username's account logged in before, by its cookie's hash.
    Device(Username, Hash),
}

/// An attempt that may go on after a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Admitted {
    /// How long to wait before the password is compared.
    pub(crate) after: Duration,
}

/// An attempt that came too early; it was not charged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TooEarly {
    /// When another one may be admitted.
    pub(crate) retry_after: Duration,
}

#[derive(Debug, Clone, Copy)]
struct Charge {
    attempts: u32,
    next_at: Timestamp,
}

impl Guessing {
    /// Charges an attempt, to be taken back by [`clear`](Self::clear) when its password is right.
    pub(crate) fn charge(&self, guesser: &Guesser, now: Timestamp) -> Result<Admitted, TooEarly> {
        let mut charges = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = charges.get(guesser).copied().filter(|charge| !charge.is_forgotten(now));
        let starts_at = known.map_or(now, |charge| charge.next_at.max(now));
        let after = now.duration_until(starts_at);
        if after > LONGEST_WAIT {
            return Err(TooEarly { retry_after: after });
        }
        let attempts = known.map_or(0, |charge| charge.attempts).saturating_add(1);
        if !charges.contains_key(guesser) && charges.len() >= MOST_GUESSERS {
            make_room(&mut charges, now);
        }
        charges.insert(guesser.clone(), Charge { attempts, next_at: starts_at + delay_after(attempts) });
        Ok(Admitted { after })
    }

    /// Forgets the failures of a guesser who gave the right password.
    pub(crate) fn clear(&self, guesser: &Guesser) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(guesser);
    }
}

impl Charge {
    fn is_forgotten(&self, now: Timestamp) -> bool {
        self.next_at + FORGOTTEN_AFTER <= now
    }
}

/// 250 ms doubled with each attempt, up to 8 s.
fn delay_after(attempts: u32) -> Duration {
    let factor = 2_u32.saturating_pow(attempts.min(16));
    FIRST_DELAY.saturating_mul(factor).min(LONGEST_DELAY)
}

/// Drops what is forgotten, else the guesser with the fewest failures: a flood of invented usernames pushes out its
/// own, not the one that is being attacked.
fn make_room(charges: &mut HashMap<Guesser, Charge>, now: Timestamp) {
    charges.retain(|_, charge| !charge.is_forgotten(now));
    if charges.len() < MOST_GUESSERS {
        return;
    }
    let least = charges.iter().min_by_key(|(_, charge)| (charge.attempts, charge.next_at));
    if let Some(least) = least.map(|(guesser, _)| guesser.clone()) {
        charges.remove(&least);
    }
}

const FIRST_DELAY: Duration = Duration::from_millis(250);
const LONGEST_DELAY: Duration = Duration::from_secs(8);
/// What is waited out in place; beyond it the person is asked to wait.
const LONGEST_WAIT: Duration = Duration::from_secs(2);
const FORGOTTEN_AFTER: Duration = Duration::from_secs(15 * 60);
/// About 2 MiB.
const MOST_GUESSERS: usize = 8192;

#[cfg(test)]
mod tests {
    use super::*;

    const START: Timestamp = Timestamp::from_unix_millis(1_000_000);

    fn stranger(username: &str) -> Guesser {
        Guesser::Stranger(Username::parse(username).unwrap())
    }

    #[test]
    fn each_failure_doubles_the_wait_up_to_eight_seconds() {
        let (guessing, ann) = (Guessing::default(), stranger("ann"));
        let mut now = START;
        let mut waits = Vec::new();

        for _ in 0..7 {
            assert_eq!(guessing.charge(&ann, now), Ok(Admitted { after: Duration::ZERO }));
            let next_at = guessing.0.lock().unwrap()[&ann].next_at;
            waits.push(now.duration_until(next_at).as_millis());
            now = next_at;
        }

        assert_eq!(waits, [500, 1000, 2000, 4000, 8000, 8000, 8000]);
    }

    #[test]
    fn attempts_sent_at_once_queue_up_and_are_refused_beyond_two_seconds() {
        let (guessing, ann) = (Guessing::default(), stranger("ann"));

        let answers: Vec<_> = (0..50).map(|_| guessing.charge(&ann, START)).collect();

        assert_eq!(answers[0], Ok(Admitted { after: Duration::ZERO }));
        assert_eq!(answers[1], Ok(Admitted { after: Duration::from_millis(500) }));
        assert_eq!(answers[2], Ok(Admitted { after: Duration::from_millis(1500) }));
        assert!(
            answers[3..].iter().all(|answer| *answer == Err(TooEarly { retry_after: Duration::from_millis(3500) }))
        );
    }

    #[test]
    fn strangers_and_each_device_are_counted_apart_and_alike() {
        let guessing = Guessing::default();
        let device = |cookie| Guesser::Device(Username::parse("ann").unwrap(), Hash::of(cookie));
        while guessing.charge(&stranger("ann"), START).is_ok() {}

        let attempts = (0..50).take_while(|_| guessing.charge(&device("a"), START).is_ok()).count();

        assert_eq!(attempts, 3);
        assert!(guessing.charge(&device("b"), START).is_ok());
        guessing.clear(&device("a"));
        assert!(guessing.charge(&stranger("ann"), START).is_err());
    }

    #[test]
    fn the_right_password_clears_the_charge_and_time_forgets_it() {
        let (guessing, ann) = (Guessing::default(), stranger("ann"));
        for _ in 0..3 {
            guessing.charge(&ann, START).unwrap();
        }

        guessing.clear(&ann);
        assert_eq!(guessing.charge(&ann, START), Ok(Admitted { after: Duration::ZERO }));

        let later = START + Duration::from_secs(3600);
        guessing.charge(&ann, later).unwrap();
        assert_eq!(guessing.0.lock().unwrap()[&ann].attempts, 1);
    }

    #[test]
    fn a_flood_of_invented_usernames_neither_grows_without_bound_nor_pushes_out_the_attacked_one() {
        let (guessing, ann) = (Guessing::default(), stranger("ann"));
        for _ in 0..3 {
            guessing.charge(&ann, START).unwrap();
        }

        for number in 0..MOST_GUESSERS + 100 {
            guessing.charge(&stranger(&format!("invented-{number}")), START).unwrap();
        }

        assert_eq!(guessing.0.lock().unwrap().len(), MOST_GUESSERS);
        assert!(guessing.charge(&ann, START).is_err());
    }
}
