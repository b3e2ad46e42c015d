use super::*;
use crate::session::{
    opened::tests::opened,
    record::{Node, StoreKey},
};

/// An access token of 300 s, received at 0.
fn record() -> Record {
    let mut record = opened(StoreKey([0; 32])).record().clone();
    record.access_token_life = Some(AccessTokenLife { received_at: at(0), expires_at: at(300) });
    record
}

fn claimed(attempt: u8, first_sent: i64, deadline: i64) -> Record {
    let intent = Intent {
        fence: Fence(7),
        node: Node(1),
        attempt,
        first_sent_at: at(first_sent),
        deadline: at(deadline),
        escrow: Vec::new(),
    };
    Record { intent: Some(intent), fence: Fence(7), ..record() }
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_unix_seconds(seconds)
}

fn needed_at(record: &Record, profile: &Profile, seconds: i64) -> Decision {
    decide(record, Event::Needed, profile, at(seconds))
}

fn answer_at(record: &Record, profile: &Profile, answer: Answer, seconds: i64) -> Decision {
    decide(record, Event::Answered(Fence(7), answer), profile, at(seconds))
}

const STRICT: Profile = Profile::strict();
const LEEWAY: Profile = Profile::leeway(Duration::from_secs(30));

#[test]
fn a_young_token_is_used_and_an_old_one_claimed() {
    assert_eq!(needed_at(&record(), &STRICT, 100), only(Next::Serve));

    let due = needed_at(&record(), &STRICT, 230);

    assert_eq!(due, with(Operation::Claim(Generation(0), STRICT.lease()), Next::Present));
}

#[test]
fn nobody_waits_while_the_token_is_good() {
    let record = claimed(1, 230, 242);

    assert_eq!(needed_at(&record, &STRICT, 240).next, Next::Serve);

    let late = claimed(1, 298, 310);

    assert_eq!(needed_at(&late, &STRICT, 299), only(Next::Wait));
}

#[test]
fn within_the_leeway_an_abandoned_intent_is_taken_over() {
    let record = claimed(1, 230, 242);

    assert_eq!(
        needed_at(&record, &LEEWAY, 243),
        with(Operation::TakeOver(Generation(0), LEEWAY.lease()), Next::Present)
    );
    assert_eq!(needed_at(&record, &LEEWAY, 255), only(Next::Hold));
    assert_eq!(needed_at(&claimed(3, 230, 242), &LEEWAY, 243), only(Next::Hold));
}

#[test]
fn without_leeway_there_is_one_last_chance_when_nothing_is_left_to_lose() {
    let record = claimed(1, 230, 242);

    assert_eq!(needed_at(&record, &STRICT, 243), only(Next::Hold));
    assert_eq!(needed_at(&record, &STRICT, 286).next, Next::Present);
    assert_eq!(needed_at(&claimed(2, 230, 290), &STRICT, 291), only(Next::Hold));
}

#[test]
fn a_token_set_is_given_up_only_after_its_access_token_has_ended() {
    for profile in [STRICT, LEEWAY] {
        let record = claimed(3, 230, 242);

        assert_eq!(needed_at(&record, &profile, 329).next, Next::Hold);
        assert_eq!(needed_at(&record, &profile, 330).next, Next::Ended(EndReason::RotationLost));
    }
}

#[test]
fn what_was_certainly_not_taken_is_taken_back() {
    let decision = answer_at(&claimed(1, 230, 242), &STRICT, Answer::NotTaken, 231);

    assert_eq!(decision, with(Operation::NotSent(Fence(7)), Next::Hold));
}

#[test]
fn an_unknown_outcome_is_tried_again_only_within_a_leeway() {
    let record = claimed(1, 230, 242);

    let strict = answer_at(&record, &STRICT, Answer::Unknown, 238);
    let leeway = answer_at(&record, &LEEWAY, Answer::Unknown, 238);
    let too_late = answer_at(&record, &LEEWAY, Answer::Unknown, 256);

    assert_eq!(strict, with(Operation::Uncertain(Fence(7), Retry::AfterLease), Next::Hold));
    assert_eq!(leeway, with(Operation::Uncertain(Fence(7), Retry::AtOnce), Next::Reread));
    assert_eq!(too_late, with(Operation::Uncertain(Fence(7), Retry::AfterLease), Next::Hold));
}

#[test]
fn a_refusal_is_the_servers_doing_only_with_a_clean_history() {
    let clean = answer_at(&claimed(1, 230, 242), &STRICT, Answer::InvalidGrant, 231);
    let second = answer_at(&claimed(2, 230, 242), &STRICT, Answer::InvalidGrant, 231);
    let uncertain = Record { uncertain: true, ..claimed(1, 230, 242) };
    let uncertain = answer_at(&uncertain, &STRICT, Answer::InvalidGrant, 231);

    assert_eq!(clean.next, Next::Ended(EndReason::IdpRevoked));
    assert_eq!(second.next, Next::Ended(EndReason::RotationLost));
    assert_eq!(uncertain.next, Next::Ended(EndReason::RotationLost));
}

#[test]
fn an_answer_to_another_attempt_changes_nothing() {
    let record = Record { intent: None, ..record() };

    for answer in [Answer::Tokens, Answer::InvalidGrant, Answer::Unknown, Answer::NotTaken] {
        assert_eq!(answer_at(&record, &STRICT, answer, 231), only(Next::Reread));
    }
}

#[test]
fn an_ended_session_stays_ended() {
    let status = Status::Revoked { reason: EndReason::Logout, forget_at: at(900) };
    let record = Record { status, ..claimed(1, 230, 242) };

    assert_eq!(needed_at(&record, &STRICT, 231), only(Next::Ended(EndReason::Logout)));
    assert_eq!(answer_at(&record, &STRICT, Answer::Tokens, 231), only(Next::Ended(EndReason::Logout)));
}

#[test]
fn short_lived_tokens_are_not_refreshed_at_every_request() {
    let mut record = record();
    record.access_token_life = Some(AccessTokenLife { received_at: at(0), expires_at: at(20) });

    assert_eq!(needed_at(&record, &STRICT, 5), only(Next::Serve));
    assert_eq!(needed_at(&record, &STRICT, 11).next, Next::Present);
}
