//! Claim, take-over, doubt and commit.

use std::sync::Arc;

use cloakroom::session::{
    record::{AccessTokenLife, Fence, Generation, Intent, Node, Record},
    store::{Commit, Retry, SessionStore, Write, Zones},
};
use tokio::task::JoinSet;

use super::{
    harness::Harness,
    records::{LEASE, MOMENT, active, claim, key, loaded, sealed},
};

const GENERATION: Generation = Generation(3);

/// A store with one session, number 1.
async fn with_session(harness: &impl Harness) -> Arc<dyn SessionStore> {
    let store = harness.fresh().await;
    assert_eq!(store.create(active(1, harness.now().await)).await.unwrap(), Write::Applied);
    store
}

/// The same with a first attempt by node 1 under way.
async fn with_attempt(harness: &impl Harness) -> (Arc<dyn SessionStore>, Intent) {
    let store = with_session(harness).await;
    let intent = store.claim(key(1), GENERATION, claim(1)).await.unwrap().unwrap();
    (store, intent)
}

/// The same with a second attempt by node 2 under way, node 1 having gone quiet.
async fn with_second_attempt(harness: &impl Harness) -> (Arc<dyn SessionStore>, Intent, Intent) {
    let (store, first) = with_attempt(harness).await;
    harness.advance(LEASE + MOMENT).await;
    let second = store.take_over(key(1), GENERATION, claim(2)).await.unwrap().unwrap();
    (store, first, second)
}

async fn record(store: &Arc<dyn SessionStore>) -> Record {
    loaded(store.load(key(1)).await.unwrap())
}

pub(super) async fn a_claim_begins_the_first_attempt(harness: &impl Harness) {
    let store = with_session(harness).await;
    let before = record(&store).await;
    let now = harness.now().await;

    let intent = store.claim(key(1), GENERATION, claim(1)).await.unwrap().unwrap();

    harness.assert_time(intent.first_sent_at, now);
    assert_eq!(intent.deadline, intent.first_sent_at + LEASE);
    assert_eq!((intent.fence, intent.node, intent.attempt), (Fence(6), Node(1), 1));
    assert_eq!(intent.escrow, claim(1).escrow);
    let expected = Record { version: before.version + 1, fence: Fence(6), intent: Some(intent), ..before };
    assert_eq!(record(&store).await, expected);
}

pub(super) async fn a_claim_needs_this_generation_and_no_intent(harness: &impl Harness) {
    let store = with_session(harness).await;

    assert_eq!(store.claim(key(1), Generation(2), claim(1)).await.unwrap(), None);
    assert_eq!(store.claim(key(1), Generation(4), claim(1)).await.unwrap(), None);
    assert!(store.claim(key(1), GENERATION, claim(1)).await.unwrap().is_some());
    let claimed = record(&store).await;
    assert_eq!(store.claim(key(1), GENERATION, claim(2)).await.unwrap(), None);
    harness.advance(LEASE + MOMENT).await;
    assert_eq!(store.claim(key(1), GENERATION, claim(2)).await.unwrap(), None);

    assert_eq!(record(&store).await, claimed);
}

pub(super) async fn exactly_one_of_many_claims_wins(harness: &impl Harness) {
    let store = with_session(harness).await;
    let mut claims = JoinSet::new();

    for node in 0..64 {
        let store = Arc::clone(&store);
        claims.spawn(async move { store.claim(key(1), GENERATION, claim(node)).await.unwrap() });
    }
    let winners: Vec<_> = claims.join_all().await.into_iter().flatten().collect();

    assert_eq!(winners.len(), 1);
    assert_eq!(record(&store).await.intent.as_ref(), winners.first());
}

pub(super) async fn a_take_over_waits_until_the_deadline_has_passed(harness: &impl Harness) {
    let (store, first) = with_attempt(harness).await;
    let before = record(&store).await;

    assert_eq!(store.take_over(key(1), GENERATION, claim(2)).await.unwrap(), None);
    if harness.now().await < first.deadline {
        harness.advance(harness.now().await.duration_until(first.deadline)).await;
    }
    if harness.now().await == first.deadline {
        assert_eq!(store.take_over(key(1), GENERATION, claim(2)).await.unwrap(), None, "the deadline is not past yet");
    }
    assert_eq!(record(&store).await, before);
    harness.advance(MOMENT).await;
    let now = harness.now().await;
    let second = store.take_over(key(1), GENERATION, claim(2)).await.unwrap().unwrap();

    harness.assert_time(second.deadline, now + LEASE);
    assert_eq!(second.first_sent_at, first.first_sent_at);
    assert_eq!((second.fence, second.node, second.attempt), (Fence(7), Node(2), 2));
    let expected = Record { version: before.version + 1, fence: Fence(7), intent: Some(second), ..before };
    assert_eq!(record(&store).await, expected);
}

pub(super) async fn a_take_over_needs_this_generation_and_an_intent(harness: &impl Harness) {
    let store = with_session(harness).await;
    assert_eq!(store.take_over(key(1), GENERATION, claim(2)).await.unwrap(), None);
    assert!(store.claim(key(1), GENERATION, claim(1)).await.unwrap().is_some());
    harness.advance(LEASE + MOMENT).await;

    assert_eq!(store.take_over(key(1), Generation(4), claim(2)).await.unwrap(), None);
    assert!(store.take_over(key(1), GENERATION, claim(2)).await.unwrap().is_some());
}

pub(super) async fn exactly_one_of_many_take_overs_wins(harness: &impl Harness) {
    let (store, _) = with_attempt(harness).await;
    harness.advance(LEASE + MOMENT).await;
    let mut nodes = JoinSet::new();

    for node in 0..64 {
        let store = Arc::clone(&store);
        nodes.spawn(async move { store.take_over(key(1), GENERATION, claim(node)).await.unwrap() });
    }
    let winners = nodes.join_all().await.into_iter().flatten().count();

    assert_eq!(winners, 1);
}

pub(super) async fn an_only_attempt_that_was_not_sent_leaves_no_intent(harness: &impl Harness) {
    let (store, first) = with_attempt(harness).await;
    let before = record(&store).await;

    assert_eq!(store.not_sent(key(1), Fence(first.fence.0 + 1)).await.unwrap(), Write::Refused);
    assert_eq!(store.not_sent(key(1), first.fence).await.unwrap(), Write::Applied);
    assert_eq!(store.not_sent(key(1), first.fence).await.unwrap(), Write::Refused);

    assert_eq!(record(&store).await, Record { version: before.version + 1, intent: None, ..before });
}

pub(super) async fn a_second_attempt_that_was_not_sent_leaves_the_first_due_at_once(harness: &impl Harness) {
    let (store, first, second) = with_second_attempt(harness).await;
    let before = record(&store).await;
    let now = harness.now().await;

    assert_eq!(store.not_sent(key(1), first.fence).await.unwrap(), Write::Refused);
    assert_eq!(store.not_sent(key(1), second.fence).await.unwrap(), Write::Applied);

    let after = record(&store).await;
    let left = after.intent.clone().unwrap();
    harness.assert_time(left.deadline, now);
    let expected = Intent { attempt: 1, deadline: left.deadline, ..second };
    assert_eq!(after, Record { version: before.version + 1, intent: Some(expected), ..before });
    harness.advance(MOMENT).await;
    let third = store.take_over(key(1), GENERATION, claim(3)).await.unwrap().unwrap();
    assert_eq!((third.attempt, third.first_sent_at), (2, first.first_sent_at));
}

pub(super) async fn a_fence_is_never_given_out_twice(harness: &impl Harness) {
    let (store, first, second) = with_second_attempt(harness).await;
    for fence in [second.fence, second.fence] {
        assert_eq!(store.not_sent(key(1), fence).await.unwrap(), Write::Applied);
    }

    let third = store.claim(key(1), GENERATION, claim(1)).await.unwrap().unwrap();
    assert_eq!(store.commit(key(1), third.fence, GENERATION, sealed(1)).await.unwrap(), Write::Applied);
    let fourth = store.claim(key(1), Generation(4), claim(1)).await.unwrap().unwrap();

    assert_eq!([first, second, third, fourth].map(|intent| intent.fence.0), [6, 7, 8, 9]);
}

pub(super) async fn an_uncertain_attempt_may_be_repeated_at_once(harness: &impl Harness) {
    let (store, first) = with_attempt(harness).await;
    let before = record(&store).await;
    let now = harness.now().await;

    assert_eq!(store.uncertain(key(1), Fence(5), Retry::AtOnce).await.unwrap(), Write::Refused);
    assert_eq!(store.uncertain(key(1), first.fence, Retry::AtOnce).await.unwrap(), Write::Applied);

    let after = record(&store).await;
    let left = after.intent.clone().unwrap();
    harness.assert_time(left.deadline, now);
    let expected = Some(Intent { deadline: left.deadline, ..first });
    assert_eq!(after, Record { version: before.version + 1, uncertain: true, intent: expected, ..before });
    harness.advance(MOMENT).await;
    assert!(store.take_over(key(1), GENERATION, claim(1)).await.unwrap().is_some());
}

pub(super) async fn an_uncertain_attempt_may_keep_its_lease(harness: &impl Harness) {
    let (store, first) = with_attempt(harness).await;
    let before = record(&store).await;

    assert_eq!(store.uncertain(key(1), first.fence, Retry::AfterLease).await.unwrap(), Write::Applied);

    assert_eq!(record(&store).await, Record { version: before.version + 1, uncertain: true, ..before });
    assert_eq!(store.take_over(key(1), GENERATION, claim(2)).await.unwrap(), None);
}

pub(super) async fn uncertainty_lasts_until_the_commit(harness: &impl Harness) {
    let (store, first) = with_attempt(harness).await;
    assert_eq!(store.uncertain(key(1), first.fence, Retry::AtOnce).await.unwrap(), Write::Applied);
    harness.advance(MOMENT).await;

    let second = store.take_over(key(1), GENERATION, claim(2)).await.unwrap().unwrap();
    assert!(record(&store).await.uncertain);
    assert_eq!(store.not_sent(key(1), second.fence).await.unwrap(), Write::Applied);
    assert!(record(&store).await.uncertain);
    assert_eq!(store.commit(key(1), second.fence, GENERATION, sealed(1)).await.unwrap(), Write::Applied);
    assert!(!record(&store).await.uncertain);
}

pub(super) async fn a_commit_stores_the_next_token_set(harness: &impl Harness) {
    let (store, intent) = with_attempt(harness).await;
    let before = record(&store).await;
    let now = harness.now().await;
    let life = Some(AccessTokenLife { received_at: now, expires_at: now + LEASE });
    let zones = Zones::Sealed { key_id: 10, server_zone: vec![1; 40], ticket_zone: vec![2; 3000] };

    let commit = Commit { access_token_life: life, zones };
    assert_eq!(store.commit(key(1), intent.fence, GENERATION, commit).await.unwrap(), Write::Applied);

    let expected = Record {
        version: before.version + 1,
        generation: Generation(4),
        intent: None,
        access_token_life: life,
        key_id: 10,
        server_zone: vec![1; 40],
        ticket_zone: vec![2; 3000],
        ..before
    };
    assert_eq!(record(&store).await, expected);
}

pub(super) async fn a_recovered_token_set_stays_beside_the_zones_until_a_sealed_one_comes(harness: &impl Harness) {
    let (store, intent) = with_attempt(harness).await;
    let before = record(&store).await;
    let recovered = Commit { access_token_life: None, zones: Zones::Recovered(vec![5; 700]) };

    assert_eq!(store.commit(key(1), intent.fence, GENERATION, recovered).await.unwrap(), Write::Applied);

    let expected = Record {
        version: before.version + 1,
        generation: Generation(4),
        intent: None,
        access_token_life: None,
        recovered: Some(vec![5; 700]),
        ..before
    };
    assert_eq!(record(&store).await, expected);

    let intent = store.claim(key(1), Generation(4), claim(1)).await.unwrap().unwrap();
    assert_eq!(store.commit(key(1), intent.fence, Generation(4), sealed(6)).await.unwrap(), Write::Applied);

    let after = record(&store).await;
    assert_eq!((after.recovered, after.ticket_zone), (None, vec![6; 900]));
}

pub(super) async fn a_commit_under_another_fence_or_generation_changes_nothing(harness: &impl Harness) {
    let (store, first, second) = with_second_attempt(harness).await;
    let before = record(&store).await;

    assert_eq!(store.commit(key(1), first.fence, GENERATION, sealed(1)).await.unwrap(), Write::Refused);
    assert_eq!(store.commit(key(1), second.fence, Generation(2), sealed(1)).await.unwrap(), Write::Refused);
    assert_eq!(store.commit(key(1), second.fence, Generation(4), sealed(1)).await.unwrap(), Write::Refused);
    assert_eq!(record(&store).await, before);

    assert_eq!(store.commit(key(1), second.fence, GENERATION, sealed(1)).await.unwrap(), Write::Applied);
    let committed = record(&store).await;
    assert_eq!(store.commit(key(1), second.fence, GENERATION, sealed(2)).await.unwrap(), Write::Refused);
    assert_eq!(store.commit(key(1), second.fence, Generation(4), sealed(2)).await.unwrap(), Write::Refused);
    assert_eq!(record(&store).await, committed);
}

pub(super) async fn a_late_commit_is_good_while_nobody_took_over(harness: &impl Harness) {
    let (store, first) = with_attempt(harness).await;
    harness.advance(2 * LEASE).await;

    assert_eq!(store.commit(key(1), first.fence, GENERATION, sealed(1)).await.unwrap(), Write::Applied);
}

pub(super) async fn exactly_one_of_many_commits_wins(harness: &impl Harness) {
    let (store, intent) = with_attempt(harness).await;
    let mut commits = JoinSet::new();

    for number in 0..64 {
        let store = Arc::clone(&store);
        commits.spawn(async move { store.commit(key(1), intent.fence, GENERATION, sealed(number)).await.unwrap() });
    }
    let applied = commits.join_all().await.into_iter().filter(|write| *write == Write::Applied).count();

    assert_eq!(applied, 1);
    assert_eq!(record(&store).await.generation, Generation(4));
}
