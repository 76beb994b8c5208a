//! What the store promises, told from outside and held against both databases.
//!
//! Each case is an `async fn(&World)` in the file of its subject; the list below runs it once on SQLite and once on
//! PostgreSQL, each time in a database of its own. To add a case, write the function and put its name in the list.
//! Run with `scripts/with-postgres.sh cargo test -p store`.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![expect(clippy::expect_used, reason = "a test fails by panicking")]
#![expect(clippy::panic, reason = "a test fails by panicking")]
#![expect(clippy::indexing_slicing, reason = "a test fails by panicking")]
#![expect(clippy::print_stdout, reason = "a test prints its dice and its times")]

mod clients;
mod conversations;
mod crash;
mod cut;
mod inbox;
mod jobs;
mod ledger;
mod listing;
mod long_lists;
mod merges;
mod money_tenants;
mod opening;
mod outbox;
mod outbox_order;
mod payments;
mod programs;
mod purge;
mod questionnaires;
mod receipts;
mod reconciliations;
mod rotation;
mod schema;
mod secrecy;
mod settings;
mod shop;
mod speed;
mod stages;
mod takeover;
mod tenants;
mod world;

macro_rules! on_each_database {
    ($($subject:ident { $($case:ident),+ $(,)? })+) => {
        on_each_database!(@ sqlite Sqlite { $($subject { $($case),+ })+ });
        on_each_database!(@ postgres Postgres { $($subject { $($case),+ })+ });
    };
    (@ $module:ident $backend:ident { $($subject:ident { $($case:ident),+ })+ }) => {
        mod $module {
            $(mod $subject {
                $(
                    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
                    async fn $case() {
                        let world = crate::world::World::open(store::Backend::$backend).await;
                        crate::$subject::$case(&world).await;
                        world.close().await;
                    }
                )+
            })+
        }
    };
}

on_each_database! {
    clients {
        a_client_reads_back_as_written,
        an_edit_needs_the_version_that_was_read,
        a_phone_is_found_in_every_spelling,
        an_email_is_found_whatever_its_case,
        words_are_found_in_any_case_and_with_e_for_yo,
        a_new_name_replaces_the_old_one_in_search,
        flags_change_one_at_a_time,
        tags_are_a_set,
        one_open_lead_a_client,
        leads_go_their_way,
        a_lead_is_taken_over_only_by_force,
        what_happened_reads_back_newest_first,
    }
    listing {
        filters_work_alone_and_together,
        pages_neither_lose_nor_repeat_anybody_while_others_arrive,
        lists_agree_with_a_naive_model,
    }
    ledger {
        a_purchase_is_in_the_books_to_the_kopeck,
        the_same_thing_is_booked_once_however_often_it_is_told,
        a_wallet_is_never_overdrawn,
        nobody_can_change_or_unbalance_what_is_booked,
        a_statement_tells_every_movement_newest_first,
        the_books_stay_right_under_many_writers,
        books_that_were_changed_by_hand_are_found_out,
    }
    payments {
        an_order_keeps_what_was_agreed,
        an_order_has_one_live_payment,
        a_payment_goes_forward_only,
        what_is_due_is_found,
        two_refunds_can_not_promise_the_same_money,
        of_fifty_at_once_one_gets_the_last_use_of_a_code,
        the_catalogue_reads_back_as_saved,
    }
    merges {
        no_table_that_names_a_client_is_forgotten,
        everything_goes_over_once_and_history_stays,
        a_link_into_the_bot_works_for_the_first,
    }
    money_tenants {
        nothing_of_another_tenant_is_seen,
        nothing_of_another_tenant_is_changed,
    }
    secrecy {
        a_stolen_database_gives_nothing_away,
        another_master_key_opens_nothing,
        a_value_copied_into_another_row_does_not_open,
    }
    tenants {
        nothing_of_another_tenant_is_seen,
        nothing_of_another_tenant_is_changed,
        keys_of_two_tenants_do_not_collide,
    }
    stages {
        counts_equal_the_clients_under_any_moves,
        counts_equal_the_clients_after_many_writers_at_once,
        a_client_moves_only_from_where_it_stands,
        moves_in_opposite_directions_do_not_block_each_other,
        a_stage_changes_only_at_its_version,
        whoever_rearranges_stages_is_alone,
        moves_are_told_newest_first,
    }
    jobs {
        many_together_are_queued_as_one_by_one,
        a_job_is_claimed_by_one_worker_only,
        a_claim_never_takes_more_than_it_may,
        a_job_is_due_again_after_its_lease_and_its_first_owner_can_not_finish_it,
        a_lease_can_be_extended_while_it_is_held,
        a_second_job_with_the_same_key_vanishes,
        a_failed_job_comes_back_at_its_time,
        a_dead_job_waits_for_a_person_and_can_begin_anew,
        done_jobs_are_forgotten_dead_ones_are_not,
    }
    outbox {
        replicas_are_counted_while_they_claim,
        one_unreadable_message_silences_nobody,
        addresses_do_not_wait_for_one_another,
        nothing_overtakes_an_earlier_message,
        a_success_counts_although_the_lease_is_gone,
        a_success_reported_during_a_claim_counts,
        a_failure_counts_only_from_the_holder_of_the_lease,
        a_second_message_with_the_same_key_vanishes,
        messages_are_found_by_how_their_keys_begin,
        what_stands_in_a_message_is_known_before_it_does,
        an_unreachable_address_is_given_up,
        what_did_not_reach_a_blocked_address_goes_out_when_its_owner_is_back,
        a_notice_leads_back_to_its_client,
        a_message_may_be_leased_at_birth,
        only_what_can_really_be_sent_is_due,
        stuck_messages_are_listed_and_can_be_tried_again,
    }
    rotation {
        after_a_rotation_the_old_key_can_go,
        a_rotation_undoes_no_write_that_comes_between,
        what_no_key_opens_is_counted_and_left_alone,
    }
    takeover {
        a_successor_gets_at_once_what_its_predecessor_held,
        names_that_begin_alike_are_different_slots,
        nothing_is_taken_from_a_living_replica,
        what_a_silent_replica_held_goes_to_one_that_lives,
        after_an_outage_nobody_is_taken_for_dead,
        a_restarted_worker_gets_its_jobs_and_keys_back_at_once,
        leases_end_by_the_machines_clock_while_the_products_stands,
        the_step_behind_takes_the_buttons_off_the_step_before,
    }
    outbox_order {
        order_within_an_address_survives_any_schedule,
    }
    inbox {
        many_together_are_recorded_as_one_by_one,
        of_many_duplicates_at_once_exactly_one_is_new,
        an_old_event_can_be_forgotten,
    }
    conversations {
        two_writers_of_one_conversation_go_one_after_the_other,
        of_many_beginnings_exactly_one_counts,
        a_conversation_remembers_where_it_stands,
    }
    questionnaires {
        a_client_has_one_open_run,
        answers_are_kept_and_can_be_dropped,
        time_is_summed_over_every_asking,
        drop_off_counts_where_people_stop,
        a_form_version_is_saved_once,
    }
    programs {
        versions_count_up_for_each_client,
        a_version_becomes_ready_once,
        of_decisions_at_the_same_instant_exactly_one_counts,
        whoever_has_an_exercise_is_found_by_the_newest_version,
        versions_of_the_tables_are_numbered_and_old_content_keeps_its_number,
        the_first_decision_about_a_change_wins,
        only_versions_that_nobody_needs_are_forgotten,
        the_last_look_at_the_sheet_reads_back,
        files_and_products_read_back,
    }
    settings {
        a_setting_changes_only_at_the_version_that_was_read,
        of_two_first_writers_one_is_refused,
        the_owners_words_replace_each_other,
        a_link_serves_until_it_expires_and_is_used_first_once,
        links_come_in_pages_newest_first,
        the_latest_consent_wins,
    }
    receipts {
        an_income_of_a_test_payment_waits_for_nobody,
        incomes_of_before_are_told_apart_by_their_payment,
        what_a_register_has_written_is_kept_once,
    }
    reconciliations {
        a_comparison_goes_step_by_step_and_ends_once,
        what_had_a_part_in_the_time_is_compared_once,
        money_is_counted_by_its_order_and_moves_whole,
        a_part_of_a_hold_is_decided_once,
        a_finished_tasks_key_is_kept_or_freed,
        another_tenants_comparisons_are_out_of_reach,
    }
    opening {
        opening_twice_is_harmless,
        a_database_of_a_newer_version_is_refused,
        a_changed_migration_is_refused,
        a_dropped_transaction_never_happened,
    }
    crash {
        killed_at_any_moment_both_of_a_pair_exist_or_neither,
    }
    cut {
        connections_that_were_cut_while_they_rested_fail_nobody,
    }
    speed {
        a_hundred_thousand_clients_are_listed_as_quickly_as_ten,
        claims_do_not_read_what_is_not_due,
        a_long_queue_is_claimed_in_small_bites,
    }
    long_lists {
        a_status_nobody_has_is_found_empty_at_once,
    }
    purge {
        what_did_not_arrive_is_kept_apart_from_what_did,
        the_oldest_go_first_and_never_more_than_asked,
        ended_sessions_and_old_guesses_go,
    }
}
