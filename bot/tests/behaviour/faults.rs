//! Bad days of Telegram and of the CRM API: each reply is seen, once where that can be known, and in order.

use std::{
    collections::HashSet,
    time::{Duration, Instant},
};

use api_types::conversation::{EventBody, Outcome};
use serde_json::json;

use crate::support::{ANNA, Answer, Bot, Crm, JOHN, WAIT, World, text, world, world_with};

async fn faults(w: &World, telegram: serde_json::Value) {
    w.telegram.set_faults(&json!({ "telegram": telegram })).await.unwrap();
}

#[tokio::test]
async fn a_short_pause_telegram_asks_for_is_waited_out() {
    let w = world().await.acquainted().await;
    faults(&w, json!({"too_many_requests_next": 1, "retry_after_s": 1})).await;
    let start = Instant::now();
    w.crm.enqueue([text("d1", ANNA, "1"), text("d2", ANNA, "2")]);
    w.crm.until_sent("d2").await;
    assert!(start.elapsed() >= Duration::from_secs(1));
    assert_eq!(w.bot_texts(ANNA).await, ["1", "2"]);
    assert!(
        matches!(w.crm.seen().outcomes("d1")[..], [Outcome::Sent { .. }]),
        "nothing but the success is reported"
    );
}

#[tokio::test]
async fn a_pause_holds_only_its_chat() {
    let w = world().await.acquainted().await;
    faults(&w, json!({"too_many_requests_next": 1, "retry_after_s": 4})).await;
    w.crm.enqueue([text("a1", ANNA, "1")]);
    w.telegram_calls("sendMessage", 1).await;
    let start = Instant::now();
    w.crm.enqueue([text("j1", JOHN, "1")]);
    w.crm.until_sent("j1").await;
    assert!(start.elapsed() < Duration::from_secs(3));
    w.crm.until_sent("a1").await;
}

#[tokio::test]
async fn a_long_pause_is_given_back_and_so_is_what_waits_behind() {
    let w = world().await.acquainted().await;
    faults(&w, json!({"too_many_requests_next": 1, "retry_after_s": 60})).await;
    w.crm.enqueue([text("d1", ANNA, "1"), text("d2", ANNA, "2")]);
    for id in ["d1", "d2"] {
        let after = w
            .crm
            .until(id, |seen| match seen.outcomes(id)[..] {
                [Outcome::RetryLater { after_ms, .. }] => Some(*after_ms),
                _ => None,
            })
            .await;
        assert_eq!(after, 60_000);
    }
}

#[tokio::test]
async fn a_server_error_is_tried_again_soon_and_in_order() {
    let w = world().await.acquainted().await;
    faults(&w, json!({"server_error_next": 1})).await;
    w.crm
        .enqueue([text("d1", ANNA, "1"), text("d2", ANNA, "2"), text("d3", ANNA, "3")]);
    let start = Instant::now();
    w.crm.until_sent("d3").await;
    assert!(start.elapsed() < Duration::from_secs(8), "{:?}", start.elapsed());
    assert_eq!(w.bot_texts(ANNA).await, ["1", "2", "3"]);
    assert!(matches!(
        w.crm.seen().outcomes("d1")[..],
        [Outcome::RetryLater { .. }, Outcome::Sent { .. }]
    ));
}

/// The parts that have gone out are remembered, so a failure in the middle repeats only what is missing.
#[tokio::test]
async fn a_long_text_that_fails_halfway_goes_on_where_it_stopped() {
    let w = world().await.acquainted().await;
    let long = vec!["абзац ".repeat(600).trim_end().to_owned(); 4].join("\n\n");
    faults(&w, json!({"slow_ms": 300})).await;
    w.crm.enqueue([text("d1", ANNA, &long)]);
    w.telegram.wait_for_message(ANNA, WAIT, |_| true).await.unwrap();
    faults(&w, json!({"server_error_next": 1})).await;
    w.crm.until_sent("d1").await;
    assert!(matches!(
        w.crm.seen().outcomes("d1")[..],
        [Outcome::RetryLater { .. }, Outcome::Sent { .. }]
    ));
    assert_eq!(w.bot_texts(ANNA).await.join("\n\n"), long);
}

#[tokio::test]
async fn an_edit_may_be_repeated_at_once() {
    for fault in ["server_error_next", "error_after_effect_next", "drop_response_next"] {
        let w = world().await.acquainted().await;
        w.crm.enqueue([text("d1", ANNA, "1")]);
        let shown = w.crm.until_sent("d1").await;
        faults(&w, json!({ fault: 1 })).await;
        let mut edit = text("d2", ANNA, "2");
        edit.edit = Some(shown);
        w.crm.enqueue([edit]);
        w.crm.until_sent("d2").await;
        assert_eq!(w.bot_texts(ANNA).await, ["2"], "{fault}");
        assert_eq!(w.crm.seen().outcomes("d2").len(), 1, "{fault}");
    }
}

/// Telegram has no idempotency key for sending, so what may have been sent is sent again; nothing is lost.
#[tokio::test]
async fn an_unknown_outcome_is_repeated_not_lost() {
    for fault in ["error_after_effect_next", "drop_response_next"] {
        let w = world().await.acquainted().await;
        faults(&w, json!({ fault: 1 })).await;
        w.crm.enqueue([text("d1", ANNA, "1"), text("d2", ANNA, "2")]);
        w.crm.until_sent("d2").await;
        assert_eq!(w.bot_texts(ANNA).await, ["1", "1", "2"], "{fault}");
    }
}

#[tokio::test]
async fn the_limits_are_kept_and_no_message_is_lost() {
    let w = world_with(|settings| settings.push(("TELEGRAM_RATE_PER_SECOND", "30".to_owned())))
        .await
        .acquainted()
        .await;
    faults(&w, json!({"limits": true})).await;
    w.crm
        .enqueue((0..22).map(|n| text(&format!("a{n}"), ANNA, &n.to_string())));
    w.crm
        .enqueue((0..10).map(|n| text(&format!("j{n}"), JOHN, &n.to_string())));
    w.crm.until_sent("j9").await;
    w.crm.until_sent("a21").await;
    assert_eq!(w.bot_texts(ANNA).await.len(), 22);
    assert_eq!(w.bot_texts(JOHN).await.len(), 10);
    let floods = w
        .telegram
        .requests()
        .await
        .unwrap()
        .iter()
        .filter(|call| call.status == 429)
        .count();
    assert_eq!(floods, 0, "our own limits keep us under Telegram's");
}

#[tokio::test]
async fn while_the_crm_is_away_nothing_is_lost_and_the_person_sees_typing() {
    let w = world().await;
    w.crm.on_event(|event| match &event.body {
        EventBody::Text { text: said, .. } => vec![text(&format!("d{said}"), ANNA, &format!("ответ {said}"))],
        _ => Vec::new(),
    });
    w.crm.change(|seen| seen.away = Some(503));
    for said in ["1", "2", "3"] {
        w.telegram.send_text(ANNA, said).await.unwrap();
    }
    w.telegram
        .wait_in_chat(ANNA, WAIT, |chat| chat.typing.is_some().then_some(()))
        .await
        .unwrap();
    w.crm.change(|seen| seen.away = None);
    w.crm.until_sent("d3").await;
    assert_eq!(w.bot_texts(ANNA).await, ["ответ 1", "ответ 2", "ответ 3"]);
}

#[tokio::test]
async fn one_event_the_crm_fails_on_doesnt_stop_other_chats() {
    let w = world().await;
    w.crm.on_event(|event| match event.address.parse() {
        Ok(ANNA) => Answer::Status(500),
        _ => Answer::from(vec![text(&event.key, JOHN, "hi")]),
    });
    w.telegram.send_text(ANNA, "сломать").await.unwrap();
    w.telegram.send_text(JOHN, "one").await.unwrap();
    w.telegram.send_text(JOHN, "two").await.unwrap();
    w.crm
        .until("two answers to John", |seen| (seen.results.len() == 2).then_some(()))
        .await;
}

#[tokio::test]
async fn a_wrong_service_token_loses_no_update() {
    let telegram = crate::support::telegram().await;
    let crm = Crm::start().await;
    let bot = Bot::start(&telegram, &crm, |settings| {
        settings.push(("CRM_API_TOKEN", "wrong".to_owned()));
    })
    .await;
    telegram.send_text(ANNA, "важное").await.unwrap();
    telegram
        .wait_in_chat(ANNA, WAIT, |chat| chat.typing.is_some().then_some(()))
        .await
        .unwrap();
    bot.shutdown().await;
    let _bot = Bot::start(&telegram, &crm, |_| {}).await;
    crm.until("the update", |seen| seen.events.first().map(drop)).await;
}

#[tokio::test]
async fn a_second_poller_stands_by_and_takes_over() {
    let w = world().await;
    w.telegram.send_text(ANNA, "1").await.unwrap();
    w.crm
        .until("the first", |seen| (seen.events.len() == 1).then_some(()))
        .await;
    let _second = Bot::start(&w.telegram, &w.crm, |_| {}).await;
    w.telegram.send_text(ANNA, "2").await.unwrap();
    w.crm
        .until("the second", |seen| (seen.events.len() >= 2).then_some(()))
        .await;
    w.bot.shutdown().await;
    w.telegram.send_text(ANNA, "3").await.unwrap();
    // While two of them fight for the updates, one may be posted by both: under the same key, so it counts once.
    w.crm
        .until("three happenings", |seen| {
            let keys: HashSet<_> = seen.events.iter().map(|event| &event.key).collect();
            (keys.len() == 3).then_some(())
        })
        .await;
}

#[tokio::test]
async fn many_chats_at_once_are_all_answered() {
    let w = world().await;
    w.crm.on_event(|event| match &event.body {
        EventBody::Text { text: said, .. } => vec![text(&event.key, event.address.parse().unwrap(), said)],
        _ => Vec::new(),
    });
    let mut people = Vec::new();
    for n in 0..60 {
        people.push(
            w.telegram
                .add_user(&format!("Клиент {n}"), "ru", "client")
                .await
                .unwrap()
                .id,
        );
    }
    for said in ["1", "2", "3", "4"] {
        let all = people.iter().map(|person| w.telegram.send_text(*person, said));
        for sent in futures::future::join_all(all).await {
            sent.unwrap();
        }
    }
    w.crm
        .until("an answer to everything", |seen| {
            (seen.results.len() == 60 * 4).then_some(())
        })
        .await;
    for person in people {
        assert_eq!(w.bot_texts(person).await, ["1", "2", "3", "4"]);
    }
    assert_eq!(w.crm.seen().events.len(), 60 * 4, "each was posted once");
}

#[tokio::test]
async fn a_clean_restart_posts_nothing_again() {
    let w = world().await;
    w.telegram.send_text(ANNA, "1").await.unwrap();
    w.crm
        .until("the first", |seen| (seen.events.len() == 1).then_some(()))
        .await;
    w.bot.shutdown().await;
    let _bot = Bot::start(&w.telegram, &w.crm, |_| {}).await;
    w.telegram.send_text(ANNA, "2").await.unwrap();
    let last = |seen: &crate::support::crm::Seen| match seen.events.last().map(|event| &event.body) {
        Some(EventBody::Text { text: said, .. }) if said == "2" => Some(seen.events.len()),
        _ => None,
    };
    assert_eq!(w.crm.until("the second", last).await, 2);
}

impl World {
    /// Waits until Telegram has seen so many calls of a method.
    async fn telegram_calls(&self, method: &str, count: usize) {
        crate::support::eventually(method, || async {
            let calls = self.telegram.requests().await.unwrap();
            (calls.iter().filter(|call| call.method == method).count() >= count).then_some(())
        })
        .await;
    }
}
