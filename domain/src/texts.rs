//! The words the product says, one struct a language: a missing or misspelled key does not load.

use serde::{Deserialize, Serialize};

macro_rules! texts {
    ($($name:ident),+ $(,)?) => {
        /// Every text by its key. Mark-up and placeholders: see [`crate::content::rich`].
        #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub struct Texts { $(pub $name: String),+ }

        impl Texts {
            pub const KEYS: &'static [&'static str] = &[$(stringify!($name)),+];

            pub fn get(&self, key: &str) -> Option<&str> {
                match key { $(stringify!($name) => Some(&self.$name),)+ _ => None }
            }

            /// Replaces one text by the owner's own. Returns whether the key exists.
            pub fn replace(&mut self, key: &str, text: String) -> bool {
                match key { $(stringify!($name) => { self.$name = text; true })+ _ => false }
            }
        }
    };
}

texts! {
    greeting, greeting_back, menu_title, help, settings_title, language_changed,
    resume_offer, restart_confirm, cancelled, already_have,
    consent, consent_declined, marketing, marketing_on, marketing_off,
    hint_range, hint_many, summary_title,
    refusal_not_a_number, refusal_not_whole, refusal_range, refusal_option, refusal_required, refusal_pick_one,
    words_needed, edited_notice, stale_button, why_missing, unknown_command,
    generating, needs_trainer, program_caption, program_full_caption, program_failed, offer, program_none, program_again, program_pending, kept_for_trainer,
    prices_title, prices_empty, prices_footer, faq_title, contacts, passed_on, trainer_says,
    privacy, terms, paysupport,
    button_free, button_my_program, button_prices, button_faq, button_contacts, button_settings, button_menu,
    button_back, button_skip, button_why, button_done, button_all_right, button_continue, button_restart,
    button_restart_yes, button_agree, button_decline, button_marketing_yes, button_marketing_no,
    button_marketing_off, button_marketing_on, button_language, button_ask_trainer, ask_trainer,
    trainer_hello, trainer_help, trainer_new_lead, trainer_finished, trainer_red_flag, trainer_program_failed,
    trainer_message, trainer_attachment, trainer_reply_ask, trainer_reply_sent, trainer_reply_unknown,
    trainer_reply_unreachable, trainer_program_ordered, trainer_program_exists, trainer_taken, trainer_source_unknown, trainer_linked,
    trainer_held, trainer_held_more, trainer_reply_rejected,
    button_reply, button_take, button_make_program,
    trainer_sheet_trouble, trainer_sheet_mended, trainer_sheet_changed, trainer_sheet_taken, trainer_sheet_used,
    trainer_sheet_left, trainer_sheet_decided, trainer_sheet_outdated,
    button_sheet_use, button_sheet_leave, button_sheet_undo, button_sheet_look,
    command_start, command_menu, command_help, command_settings, command_cancel, command_privacy, command_terms,
    command_paysupport, command_leads,
    program_reviewing, program_note, program_updated_caption, program_withdrawn_caption, program_phone_caption,
    program_phone_coming, button_phone,
    trainer_review, trainer_review_until, trainer_review_sent, trainer_review_by_clock, trainer_review_remaking,
    trainer_review_replaced, trainer_review_failed, trainer_review_pages,
    trainer_approved, trainer_already_sent, trainer_already_replaced, trainer_remaking, trainer_busy,
    trainer_swap_day, trainer_swap_item, trainer_swap_for, trainer_swap_none, trainer_swap_gone, trainer_no_more_variants,
    trainer_note_ask, trainer_note_taken, trainer_note_length,
    button_approve, button_swap, button_variant, button_note, button_to_card,
    trainer_review_flagged, label_version, label_note, label_changes, label_reasons, label_checked, label_warnings,
    order_paid, order_paid_program, order_paid_reviewed, order_paid_answers, order_paid_trainer, button_answer, order_needs_answers, order_refunded, order_refunded_stars, order_short, button_pay_rest, payment_declined, decline_try_later, decline_check_card,
    decline_other_method, decline_try_again, button_pay_again, trainer_paid, trainer_refunded, trainer_task,
    prices_footer_buy, tariff_addon, button_buy, packages_title, addons_title, button_addon, button_no_addons, button_enough,
    order_card, order_total, order_contact, discount_months, discount_personal, discount_loyalty, discount_promo,
    price_raised, offer_acceptance, button_pay, button_take_free, button_promo, button_other_promo, button_contact,
    button_leave_order, button_to_order, promo_ask, promo_taken, promo_no_better, promo_unknown, promo_other_client, promo_deactivated,
    promo_not_yet_valid, promo_expired, promo_used_up, promo_used_by_client, promo_first_order_only,
    promo_other_product, promo_below_minimum, promo_other_currency, contact_ask, contact_wrong, price_changed,
    not_on_sale, link_preparing, link_slow, link_failed, link_paid, link_came, link_held, link_over, pay_how, pay_link, button_paid, button_other_way,
    button_link_again, button_cancel_order, check_started, check_pending, check_away, check_paid, order_closed,
    order_free, order_canceled, button_purchases, purchases_title, purchases_empty, status_awaiting, status_paid,
    status_fulfilled, status_refunded, status_canceled, status_expired, button_refund, refund_ask, button_refund_yes,
    refund_started, refund_refused,
    receipt_ready, button_receipt, trainer_incomes,
    button_methods, methods_title, methods_empty, button_forget_method, method_forgotten,
    way_stars, way_telegram, invoice_card, invoice_stars, invoice_sent, precheckout_unknown, precheckout_other_payer,
    precheckout_paid, precheckout_closed, precheckout_off, precheckout_changed,
    site_needs_answers, site_making, site_given, site_closed, site_link_expired, site_link_used, site_link_unknown,
    trainer_joined, letter_hello, letter_hello_nameless, letter_paid_subject, letter_paid, letter_paid_answers,
    letter_paid_answers_no_bot, letter_paid_making, letter_paid_reviewed, letter_paid_person, letter_ready_subject, letter_ready,
    letter_updated_subject, letter_updated, letter_ready_attached, letter_link_life, letter_refunded_subject,
    letter_refunded, letter_by_hand_subject, letter_by_hand, letter_short_subject, letter_short, letter_footer, button_letter_order,
    button_letter_download, button_letter_answer, button_letter_bot,
    pdf_title, pdf_next_title, pdf_next_text,
}
