//! An authorization server or a store in trouble: the session is kept unless nothing can bring its tokens back.

use cloakroom::session::record::{EndReason, Generation};
use testkit::authorization_server::{Trouble, Verdict};

use super::{DUE, OVER, forgiving, verdicts};
use crate::world::{Operation, World};

#[tokio::test]
async fn no_trouble_of_the_authorization_server_signs_anybody_out() {
    for trouble in [
        Trouble::Status(500),
        Trouble::Status(503),
        Trouble::Status(404),
        Trouble::TooMany(5),
        Trouble::InvalidClient,
        Trouble::Hang,
        Trouble::RequestLost,
        Trouble::AnswerLost,
        Trouble::Truncated,
        Trouble::Html,
    ] {
        let world = World::with_signed_in_browser().await;
        world.authorization_server.script().refresh_troubles.push_back(trouble.clone());
        world.clock.advance_seconds(OVER);

        let answer = world.get("/api").await;
        let session = world.session().await;

        assert_eq!((answer.status.as_u16(), answer.rejection_code()), (503, "try_again".into()), "{trouble:?}");
        assert!(answer.header("retry-after").is_some());
        assert_eq!(answer.header("set-cookie"), None, "{trouble:?}");
        assert_eq!((&session["authenticated"], world.session_count().await), (&true.into(), 1), "{trouble:?}");
        assert_eq!(world.authorization_server.presentations().len(), 1, "{trouble:?}");
    }
}

#[tokio::test]
async fn no_trouble_is_noticed_while_the_access_token_is_good() {
    for trouble in
        [Trouble::Status(500), Trouble::TooMany(5), Trouble::InvalidClient, Trouble::Hang, Trouble::AnswerLost]
    {
        let world = World::with_signed_in_browser().await;
        world.authorization_server.script().every_refresh = Some(trouble.clone());
        world.clock.advance_seconds(DUE);

        for _ in 0..5 {
            assert_eq!(world.get("/api").await.status, 200, "{trouble:?}");
            world.settle().await;
            world.clock.advance_seconds(7);
        }

        assert_eq!(world.session_count().await, 1, "{trouble:?}");
    }
}

#[tokio::test]
async fn what_was_certainly_not_taken_is_tried_again_after_a_while() {
    for trouble in [Trouble::TooMany(1), Trouble::InvalidClient] {
        let world = World::with_signed_in_browser().await;
        world.authorization_server.script().refresh_troubles.push_back(trouble.clone());
        world.clock.advance_seconds(OVER);

        let first = world.get("/api").await;
        let at_once = world.get("/api").await;
        world.clock.advance_seconds(3);
        let later = world.get("/api").await;

        assert_eq!([first, at_once, later].map(|answer| answer.status.as_u16()), [503, 503, 200], "{trouble:?}");
        assert_eq!(verdicts(&world), [Verdict::NotActedUpon, Verdict::Accepted]);
    }
}

#[tokio::test]
async fn an_authorization_server_that_asks_for_patience_gets_it() {
    let world = World::with_signed_in_browser().await;
    world.authorization_server.script().refresh_troubles.push_back(Trouble::TooMany(20));
    world.clock.advance_seconds(DUE);
    world.get("/api").await;
    world.settle().await;

    world.clock.advance_seconds(15);
    world.get("/api").await;
    world.settle().await;
    let early = verdicts(&world);
    world.clock.advance_seconds(6);
    world.get("/api").await;
    world.settle().await;

    assert_eq!(early, [Verdict::NotActedUpon]);
    assert_eq!(verdicts(&world), [Verdict::NotActedUpon, Verdict::Accepted]);
}

#[tokio::test]
async fn an_authorization_server_that_is_down_is_asked_again_when_it_is_back() {
    let world = World::with_signed_in_browser().await;
    world.authorization_server.go_down().await;
    world.clock.advance_seconds(OVER);
    let refused = world.get("/api").await;
    let record = world.record().await;

    world.authorization_server.come_back().await;
    world.clock.advance_seconds(3);
    let answer = world.get("/api").await;

    assert_eq!((refused.status.as_u16(), record.intent, record.uncertain), (503, None, false));
    assert_eq!((answer.status.as_u16(), verdicts(&world)), (200, vec![Verdict::Accepted]));
}

#[tokio::test]
async fn with_leeway_a_lost_answer_is_fetched_again_at_once() {
    for trouble in [Trouble::AnswerLost, Trouble::Truncated, Trouble::Html] {
        let world = forgiving().await;
        world.authorization_server.script().refresh_troubles.push_back(trouble.clone());
        world.clock.advance_seconds(OVER);

        let answer = world.while_time_passes(world.get("/api")).await;

        assert_eq!(answer.status, 200, "{trouble:?}: {}", answer.text());
        assert_eq!(verdicts(&world), [Verdict::Accepted, Verdict::Forgiven], "{trouble:?}");
        assert_eq!(world.record().await.generation, Generation(1));
        assert_eq!(world.authorization_server.live_refresh_tokens().len(), 1);
    }
}

#[tokio::test]
async fn with_leeway_a_hanging_server_is_asked_again_at_once() {
    let world = forgiving().await;
    world.authorization_server.script().refresh_troubles.push_back(Trouble::Hang);
    world.clock.advance_seconds(OVER);

    let answer = world.while_time_passes(world.get("/api")).await;

    assert_eq!((answer.status.as_u16(), verdicts(&world)), (200, vec![Verdict::NotActedUpon, Verdict::Accepted]));
}

#[tokio::test]
async fn with_leeway_a_refresh_token_is_presented_three_times_at_most() {
    let world = forgiving().await;
    world.authorization_server.script().every_refresh = Some(Trouble::Status(500));
    world.clock.advance_seconds(OVER);

    let answer = world.while_time_passes(world.get("/api")).await;
    world.clock.advance_seconds(5);
    world.while_time_passes(world.get("/api")).await;

    assert_eq!((answer.status.as_u16(), world.session_count().await), (503, 1));
    assert_eq!(verdicts(&world), [Verdict::NotActedUpon; 3]);
}

#[tokio::test]
async fn without_leeway_a_lost_request_is_repeated_once_when_nothing_is_left_to_lose() {
    let world = World::with_signed_in_browser().await;
    world.authorization_server.script().refresh_troubles.push_back(Trouble::RequestLost);
    world.clock.advance_seconds(DUE);
    world.get("/api").await;
    world.settle().await;
    world.clock.advance_seconds(40);
    let waiting = world.get("/api").await;
    world.settle().await;
    let before = verdicts(&world);

    world.clock.advance_seconds(15);
    let answer = world.get("/api").await;

    assert_eq!((waiting.status.as_u16(), before), (200, vec![Verdict::NotActedUpon]));
    assert_eq!((answer.status.as_u16(), verdicts(&world)), (200, vec![Verdict::NotActedUpon, Verdict::Accepted]));
}

#[tokio::test]
async fn without_leeway_a_lost_answer_ends_the_session_as_lost_and_not_as_stolen() {
    let world = World::with_signed_in_browser().await;
    world.authorization_server.script().refresh_troubles.push_back(Trouble::AnswerLost);
    world.clock.advance_seconds(DUE);
    world.get("/api").await;
    world.settle().await;

    world.clock.advance_seconds(55);
    let answer = world.get("/api").await;

    assert_eq!(verdicts(&world), [Verdict::Accepted, Verdict::Reused]);
    assert_eq!((answer.status.as_u16(), answer.reason()), (401, "rotation_lost".into()));
    assert_eq!(world.end_reasons().await, [EndReason::RotationLost]);
}

#[tokio::test]
async fn tokens_that_nothing_brings_back_are_given_up_half_a_minute_after_their_end() {
    let world = World::with_signed_in_browser().await;
    world.authorization_server.script().every_refresh = Some(Trouble::Status(500));
    world.clock.advance_seconds(DUE);
    world.get("/api").await;
    world.settle().await;
    world.clock.advance_seconds(50);
    world.get("/api").await;
    world.settle().await;

    world.clock.advance_seconds(35);
    let still_kept = world.get("/api").await;
    world.clock.advance_seconds(10);
    let given_up = world.get("/api").await;

    assert_eq!((still_kept.status.as_u16(), still_kept.rejection_code()), (503, "try_again".into()));
    assert_eq!((given_up.status.as_u16(), given_up.reason()), (401, "rotation_lost".into()));
    assert_eq!(verdicts(&world), [Verdict::NotActedUpon; 2]);
}

#[tokio::test]
async fn new_tokens_wait_for_a_store_that_is_away_and_are_not_lost() {
    let world = World::with_signed_in_browser().await;
    world.store.fail(Operation::Commit, 3);
    world.clock.advance_seconds(OVER);

    let answer = world.get("/api").await;

    assert_eq!((answer.status.as_u16(), world.store.calls(Operation::Commit)), (200, 4));
    assert_eq!(verdicts(&world), [Verdict::Accepted]);
    assert_eq!(world.record().await.generation, Generation(1));
}

#[tokio::test]
async fn nothing_is_presented_that_the_store_does_not_know_of() {
    let world = World::with_signed_in_browser().await;
    world.store.fail(Operation::Claim, 2);
    world.clock.advance_seconds(DUE);

    let served = world.get("/api").await;
    world.settle().await;
    world.clock.advance_seconds(55);
    let refused = world.get("/api").await;
    let presented = verdicts(&world);
    let answer = world.get("/api").await;

    assert_eq!((served.status.as_u16(), refused.status.as_u16(), presented), (200, 503, vec![]));
    assert_eq!((answer.status.as_u16(), verdicts(&world)), (200, vec![Verdict::Accepted]));
}

#[tokio::test]
async fn an_end_that_the_store_did_not_take_is_not_told() {
    let world = World::with_signed_in_browser().await;
    world.authorization_server.refuse_next_refresh();
    world.store.fail(Operation::Dead, 1);
    world.clock.advance_seconds(OVER);

    let answer = world.get("/api").await;

    assert_eq!((answer.status.as_u16(), answer.rejection_code()), (503, "try_again".into()));
    assert_eq!((answer.header("set-cookie"), world.session_count().await), (None, 1));
}
