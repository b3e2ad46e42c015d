//! Every store against the contract that the docs of `SessionStore` write down, one test per sentence and store.
//!
//! The sentences are functions over a [`Harness`], so that a store on another machine joins by bringing its own.

#![expect(clippy::unwrap_used, reason = "the sentences are tests, called by the tests that the macro below writes")]

mod clock;
mod ends;
#[cfg(feature = "sqlite")]
mod equivalence;
mod harness;
mod records;
mod refresh;
mod remembering;
mod sweeping;

#[cfg(feature = "sqlite")]
pub(crate) use self::{
    harness::SqliteHarness,
    records::{active, key},
};

/// One test per sentence, all on the harness that this expression makes.
macro_rules! conformance {
    ($harness:expr) => {
        conformance! { $harness;
            records::a_created_record_is_loaded_as_it_was,
            records::a_key_that_exists_is_refused_and_keeps_its_record,
            records::a_key_that_ended_is_refused_too,
            records::an_unknown_key_has_no_record_and_takes_no_write,
            records::a_record_is_loaded_whatever_its_expiries_say,
            records::each_write_raises_the_version_by_one,
            records::a_users_sessions_are_found_oldest_first_while_they_are_active,
            records::the_sessions_of_a_sid_are_found_oldest_first_while_they_are_active,
            records::a_touch_moves_last_use_and_the_idle_limit_only,
            records::sixty_four_writers_of_different_records_all_get_through,
            refresh::a_claim_begins_the_first_attempt,
            refresh::a_claim_needs_this_generation_and_no_intent,
            refresh::exactly_one_of_many_claims_wins,
            refresh::a_take_over_waits_until_the_deadline_has_passed,
            refresh::a_take_over_needs_this_generation_and_an_intent,
            refresh::exactly_one_of_many_take_overs_wins,
            refresh::an_only_attempt_that_was_not_sent_leaves_no_intent,
            refresh::a_second_attempt_that_was_not_sent_leaves_the_first_due_at_once,
            refresh::a_fence_is_never_given_out_twice,
            refresh::an_uncertain_attempt_may_be_repeated_at_once,
            refresh::an_uncertain_attempt_may_keep_its_lease,
            refresh::uncertainty_lasts_until_the_commit,
            refresh::a_commit_stores_the_next_token_set,
            refresh::a_recovered_token_set_stays_beside_the_zones_until_a_sealed_one_comes,
            refresh::a_commit_under_another_fence_or_generation_changes_nothing,
            refresh::a_late_commit_is_good_while_nobody_took_over,
            refresh::exactly_one_of_many_commits_wins,
            ends::a_death_erases_and_leaves_a_tombstone,
            ends::a_death_under_another_fence_or_generation_changes_nothing,
            ends::a_revocation_erases_and_leaves_a_tombstone,
            ends::a_revocation_beats_the_commit_that_comes_after_it,
            ends::the_first_reason_stays,
            ends::every_reason_is_kept,
            ends::no_operation_makes_an_ended_session_active,
            ends::a_revocation_racing_a_commit_always_wins,
            remembering::an_id_is_first_once_until_it_is_forgotten,
            remembering::an_id_is_remembered_until_it_is_forgotten_and_asking_inserts_nothing,
            remembering::a_repeated_id_is_not_remembered_longer,
            remembering::ids_of_different_purposes_never_meet,
            remembering::exactly_one_of_many_insertions_is_first,
            remembering::a_counter_counts_up,
            remembering::a_window_begins_with_its_first_count,
            remembering::concurrent_counts_are_all_counted,
            sweeping::a_session_is_swept_at_its_idle_limit,
            sweeping::a_session_is_swept_at_its_absolute_limit,
            sweeping::a_session_that_was_just_touched_stays,
            sweeping::a_session_whose_idle_limit_came_closer_goes_earlier,
            sweeping::a_tombstone_stays_as_long_as_it_was_to_stay,
            sweeping::ids_and_counters_are_swept_when_their_time_is_over,
            sweeping::a_sweep_removes_no_more_than_it_may,
            sweeping::a_swept_key_is_free_again,
        }
    };
    ($harness:expr; $($chapter:ident::$sentence:ident,)+) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $sentence() {
                crate::store_conformance::$chapter::$sentence(&$harness).await;
            }
        )+
    };
}

mod memory {
    use super::harness::MemoryHarness;

    conformance!(MemoryHarness::default());
}

#[cfg(feature = "sqlite")]
mod sqlite {
    use super::harness::SqliteHarness;

    conformance!(SqliteHarness::default());
}
