use std::time::Duration;

use providers::payments::Error;
use serde_json::json;

use crate::world::{Kind, World, astray, rub};

#[derive(Debug, PartialEq, Eq)]
enum Class {
    Transient,
    Unknown,
    Misconfigured,
    Refused,
    NotFound,
}

const fn class(error: &Error) -> Class {
    match error {
        Error::Transient { .. } => Class::Transient,
        Error::Unknown { .. } => Class::Unknown,
        Error::Misconfigured { .. } => Class::Misconfigured,
        Error::Refused { .. } => Class::Refused,
        Error::NotFound { .. } => Class::NotFound,
    }
}

pub async fn nobody_listens(world: World) {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("http://{}", closed.local_addr().unwrap());
    drop(closed);
    let provider = astray(world.kind, &base);
    let intent = world.intent().await;
    assert_eq!(class(&provider.create(&intent).await.unwrap_err()), Class::Transient);
    assert_eq!(class(&provider.status("1").await.unwrap_err()), Class::Transient);
    let refund = world.refund_of(&world.open(&intent).await, 499_000);
    assert_eq!(class(&provider.refund(&refund).await.unwrap_err()), Class::Transient);
}

pub async fn changing_calls_tell_what_is_known(world: World) {
    let busy = match world.kind {
        // 202: done, but nobody says how. T-Bank's 9999 asks to come again, and coming again is safe there.
        Kind::YooKassa => Class::Unknown,
        Kind::TBank => Class::Transient,
    };
    for (fault, expected) in [
        ("drop_request", Class::Unknown),
        ("server_error", Class::Unknown),
        ("error_after_effect", Class::Unknown),
        ("drop_response", Class::Unknown),
        ("hang", Class::Unknown),
        ("processing", busy),
        ("too_many_requests", Class::Transient),
        ("refuse", Class::Misconfigured),
    ] {
        world
            .faults(json!({ fault: { "next": 1 }, "hang_ms": 5_000, "only_calls": [world.kind.opening()] }))
            .await;
        let mut intent = world.intent().await;
        let hasty = world.another(true, Duration::from_millis(500));
        let provider = if fault == "hang" { &hasty } else { &world.provider };
        let error = provider.create(&intent).await.unwrap_err();
        assert_eq!(class(&error), expected, "{fault}: {error:?}");
        // Whatever it was, trying again leads to one payment.
        intent.is_lost = true;
        let made = world.open(&intent).await;
        let mine = world.bank().payments().await.unwrap();
        let live = world.live().await;
        assert!(live.contains(&made.id), "{fault}");
        let same = mine
            .iter()
            .filter(|payment| payment.customer.as_ref() == Some(&intent.customer));
        let open = same.filter(|payment| live.contains(&payment.id)).count();
        assert_eq!(open, 1, "{fault}");
    }
    world
        .faults(json!({ "too_many_requests": { "next": 1 }, "only_calls": [] }))
        .await;
    let intent = world.intent().await;
    let Error::Transient { retry_after, .. } = world.provider.create(&intent).await.unwrap_err() else {
        panic!("429 is no reason to worry");
    };
    if world.kind == Kind::YooKassa {
        assert_eq!(retry_after, Some(Duration::from_millis(1_800)));
    }
}

pub async fn reading_calls_can_be_made_again(world: World) {
    let opened = world.open(&world.intent().await).await;
    for fault in [
        "drop_request",
        "server_error",
        "drop_response",
        "too_many_requests",
        "hang",
    ] {
        world
            .faults(json!({ fault: { "next": 1 }, "hang_ms": 5_000, "only_calls": [world.kind.reading()] }))
            .await;
        let hasty = world.another(true, Duration::from_millis(500));
        let error = hasty.status(&opened.id).await.unwrap_err();
        assert_eq!(class(&error), Class::Transient, "{fault}: {error:?}");
        assert!(world.provider.status(&opened.id).await.is_ok(), "{fault}");
    }
}

pub async fn a_wrong_key_is_the_owners_to_mend(world: World) {
    let stranger = world.another(false, Duration::from_secs(10));
    let intent = world.intent().await;
    let opened = world.open(&intent).await;
    let refund = world.refund_of(&opened, 499_000);
    let errors = [
        stranger.create(&intent).await.unwrap_err(),
        stranger.status(&opened.id).await.unwrap_err(),
        stranger.find(&intent).await.unwrap_err(),
        stranger.refund(&refund).await.unwrap_err(),
        stranger
            .capture(&opened.id, rub(499_000), "py:capture", None)
            .await
            .unwrap_err(),
        stranger.cancel(&opened.id, "py:cancel").await.unwrap_err(),
        stranger.charge_saved(&intent, "1").await.unwrap_err(),
    ];
    for error in errors {
        assert_eq!(class(&error), Class::Misconfigured, "{error:?}");
    }
}

pub async fn keys_are_tried_without_a_trace(world: World) {
    world.provider.probe().await.unwrap();
    let stranger = world.another(false, Duration::from_secs(10));
    assert_eq!(class(&stranger.probe().await.unwrap_err()), Class::Misconfigured);
    let asked = match world.kind {
        Kind::YooKassa => "me",
        Kind::TBank => "GetState",
    };
    world
        .faults(json!({ "server_error": { "next": 1 }, "only_calls": [asked] }))
        .await;
    assert_eq!(class(&world.provider.probe().await.unwrap_err()), Class::Transient);
    assert_eq!(world.live().await, Vec::<String>::new());
}

pub async fn a_wrong_address_is_the_owners_to_mend(world: World) {
    let provider = astray(world.kind, &world.sandbox.url("/nowhere"));
    let error = provider.create(&world.intent().await).await.unwrap_err();
    assert!(
        matches!(class(&error), Class::Misconfigured | Class::NotFound),
        "{error:?}"
    );
}

pub async fn what_nobody_knows_is_not_found(world: World) {
    let id = world.kind.unknown_payment();
    let error = world.provider.status(id).await.unwrap_err();
    assert_eq!(class(&error), Class::NotFound, "{error:?}");
}
