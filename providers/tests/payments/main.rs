//! What every payment provider promises, asked over sockets of the sandbox's banks: one suite for all of them.
//!
//! Each test below runs once for each [`Kind`]. A new provider is a new kind in `world.rs` and a line at the end of this file.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod amounts;
mod ending;
mod failures;
mod listing;
mod notifications;
mod opening;
mod receipts;
mod refunds;
mod saved;
mod world;

use world::{Kind, World};

macro_rules! conformance {
    ($kind:ident, $name:ident, $($file:ident: $($test:ident),+;)+) => {
        mod $name {
            $($(
                #[tokio::test]
                async fn $test() {
                    crate::$file::$test(crate::World::start(crate::Kind::$kind).await).await;
                }
            )+)+
        }
    };
}

macro_rules! for_every_kind {
    ($($kind:ident as $name:ident),+) => {
        $(conformance! {
            $kind, $name,
            opening: a_payment_opens_with_a_link, the_same_intent_never_has_two_live_payments,
                a_lost_answer_is_made_good, a_link_lost_twice_is_made_good, other_words_make_no_other_payment,
                what_nobody_opened_is_not_found, a_payment_is_found_by_our_id_whatever_became_of_it,
                a_link_that_ran_out_is_expired, a_currency_it_does_not_take_is_refused;
            ending: paid_is_succeeded, every_decline_has_its_advice, held_money_is_taken_in_full,
                held_money_is_taken_in_part, held_money_is_let_go, a_lost_capture_is_repeated,
                an_open_payment_is_called_off_where_that_can_be_done, what_was_paid_is_not_called_off,
                calling_off_never_becomes_a_refund;
            refunds: the_whole_sum_goes_back, parts_go_back_until_nothing_is_left, one_key_is_one_refund,
                a_lost_answer_is_no_second_refund, parallel_tries_are_one_refund, a_refund_may_take_days,
                a_refund_may_fail_after_days, a_refund_may_fail_at_once, equal_parts_with_two_keys_are_two_refunds,
                a_later_refund_that_fails_is_not_taken_for_the_first,
                what_is_on_its_way_back_is_told_where_parts_are_hidden;
            saved: a_saved_method_is_charged_again, a_declined_charge_is_an_answer, a_charge_is_made_once,
                a_lost_charge_is_looked_up, a_strangers_method_is_refused, a_charge_may_be_forbidden;
            failures: nobody_listens, changing_calls_tell_what_is_known, reading_calls_can_be_made_again,
                a_wrong_key_is_the_owners_to_mend, keys_are_tried_without_a_trace, a_wrong_address_is_the_owners_to_mend, what_nobody_knows_is_not_found;
            receipts: every_tax_treatment_is_accepted, a_missing_receipt_is_told, a_wrong_sum_is_refused,
                a_partial_refund_brings_its_lines, a_partial_capture_brings_its_lines, a_prepayment_is_closed,
                a_receipts_fate_is_told_or_nobody_can_ask;
            notifications: genuine_ones_are_verified, the_same_fact_has_the_same_key, forgeries_change_nothing,
                what_is_no_notification_is_rejected, mapped_addresses_are_the_same_addresses,
                receipts_are_told_as_the_register_gave_them;
            listing: every_payment_is_listed, another_systems_payments_do_no_harm, refunds_are_told_whoever_made_them;
            amounts: sums_arrive_as_they_were_sent, wire_amounts_are_spelled_as_the_provider_spells_them;
        })+
    };
}

for_every_kind!(YooKassa as yookassa, TBank as tbank);
