use domain::order::{PaymentMode, PaymentSubject, TaxTreatment, Vat};
use providers::payments::{Capture, Contact, Error, Receipt, ReceiptOf, ReceiptState};
use serde_json::{Value, json};

use crate::world::{Kind, World, line, receipt, rub, succeeded};

pub async fn every_tax_treatment_is_accepted(world: World) {
    world.account(world.kind.wants_receipts()).await;
    for contact in [
        Contact::Email("anna@example.ru".into()),
        Contact::Phone("+79000000000".into()),
    ] {
        let mut lines = Vec::new();
        for vat in Vat::ALL {
            for subject in PaymentSubject::ALL {
                for mode in PaymentMode::ALL {
                    let mut one = line("Программа «Сила»: 3 месяца", 100);
                    one.tax = TaxTreatment {
                        vat: *vat,
                        subject: *subject,
                        mode: *mode,
                    };
                    lines.push(one);
                }
            }
        }
        for some in lines.chunks(50) {
            let mut intent = world.intent().await;
            intent.amount = rub(100 * i64::try_from(some.len()).unwrap());
            intent.receipt = Some(Receipt {
                contact: contact.clone(),
                lines: some.to_vec(),
            });
            let paid = world.paid(&intent).await;
            assert!(succeeded(&paid));
        }
    }
    assert!(world.bank().receipts().await.unwrap().len() >= 4);
}

pub async fn a_missing_receipt_is_told(world: World) {
    world.account(world.kind.wants_receipts()).await;
    let error = world.provider.create(&world.intent().await).await.unwrap_err();
    assert!(
        matches!(error, Error::Misconfigured { .. } | Error::Refused { .. }),
        "{error:?}"
    );
}

pub async fn a_wrong_sum_is_refused(world: World) {
    let mut intent = world.intent().await;
    intent.receipt = Some(receipt(vec![line("Programme", 498_999)]));
    let error = world.provider.create(&intent).await.unwrap_err();
    assert!(matches!(error, Error::Refused { .. }), "{error:?}");
}

pub async fn a_partial_refund_brings_its_lines(world: World) {
    world.account(world.kind.wants_receipts()).await;
    let mut intent = world.intent().await;
    intent.description = "A".repeat(400);
    intent.receipt = Some(receipt(vec![line(&"Ж".repeat(300), 399_000), line("Питание", 100_000)]));
    let paid = world.paid(&intent).await;
    let bare = world.refund_of(&paid, 99_999);
    assert!(world.provider.refund(&bare).await.is_err(), "the lines are missing");
    let mut part = world.refund_of(&paid, 99_999);
    part.receipt = Some(receipt(vec![line("Питание", 99_999)]));
    world.provider.refund(&part).await.unwrap();
    let receipts = world.bank().receipts().await.unwrap();
    let totals: Vec<&Value> = receipts.iter().map(|receipt| &receipt["total"]).collect();
    assert_eq!(totals, [&Value::from(499_000), &Value::from(99_999)]);
}

pub async fn a_partial_capture_brings_its_lines(world: World) {
    world.account(world.kind.wants_receipts()).await;
    let mut intent = world.intent().await;
    intent.capture = Capture::Later;
    intent.receipt = Some(receipt(vec![line("Программа", 499_000)]));
    let held = world.paid(&intent).await;
    let bare = world.provider.capture(&held.id, rub(100_000), "py:bare", None).await;
    assert!(bare.is_err(), "the lines are missing");
    let lines = receipt(vec![line("Программа", 100_000)]);
    let taken = world
        .provider
        .capture(&held.id, rub(100_000), "py:capture", Some(&lines))
        .await
        .unwrap();
    assert!(succeeded(&taken));
}

pub async fn a_prepayment_is_closed(world: World) {
    world.account(world.kind.wants_receipts()).await;
    let mut intent = world.intent().await;
    intent.receipt = Some(receipt(vec![line("Программа", 499_000)]));
    let paid = world.paid(&intent).await;
    let mut closing = receipt(vec![line("Программа", 499_000)]);
    for line in &mut closing.lines {
        line.tax.mode = PaymentMode::FullPayment;
    }
    let given = world.provider.close_receipt(&paid.id, &closing, "rc_1").await.unwrap();
    let receipts = world.bank().receipts().await.unwrap();
    assert_eq!(receipts.len(), 2);
    assert_eq!(receipts[1]["closing"], true);
    if world.kind == Kind::YooKassa {
        // The key of a week ago is forgotten; the receipt isn't given twice.
        let again = world
            .provider
            .close_receipt(&paid.id, &closing, "rc_forgotten")
            .await
            .unwrap();
        assert_eq!(again, given);
        assert_eq!(world.bank().receipts().await.unwrap().len(), 2);
    }
}

pub async fn a_receipts_fate_is_told_or_nobody_can_ask(world: World) {
    world.account(world.kind.wants_receipts()).await;
    let mut states = Vec::new();
    for fails in [0, 1] {
        world.faults(json!({ "fail_receipt": { "next": fails } })).await;
        let mut intent = world.intent().await;
        intent.receipt = Some(receipt(vec![line("Программа", 499_000)]));
        let paid = world.paid(&intent).await;
        let of = ReceiptOf::Payment { payment: &paid.id };
        states.push(world.provider.receipt_state(of).await.unwrap());
        let closing = receipt(vec![line("Программа", 499_000)]);
        let key = format!("rc_{fails}");
        let given = world.provider.close_receipt(&paid.id, &closing, &key).await.unwrap();
        for receipt in [given.as_deref(), None] {
            let of = ReceiptOf::Closing {
                payment: &paid.id,
                receipt,
            };
            states.push(world.provider.receipt_state(of).await.unwrap());
        }
        let mut part = world.refund_of(&paid, 100_000);
        part.receipt = Some(receipt(vec![line("Программа", 100_000)]));
        let back = world.provider.refund(&part).await.unwrap();
        let of = ReceiptOf::Refund {
            payment: &paid.id,
            refund: back.id.as_deref().unwrap(),
        };
        states.push(world.provider.receipt_state(of).await.unwrap());
    }
    let told: Vec<&str> = states
        .iter()
        .map(|state| match state {
            None => "nobody",
            Some(ReceiptState::Pending) => "pending",
            Some(ReceiptState::Registered { .. }) => "registered",
            Some(ReceiptState::Failed { .. }) => "failed",
        })
        .collect();
    let expected = match world.kind {
        Kind::YooKassa => {
            assert!(world.provider.remembers_closing_receipts());
            let ok = "registered";
            [ok, ok, ok, ok, "failed", ok, ok, ok]
        }
        Kind::TBank => ["nobody"; 8],
    };
    assert_eq!(told, expected);
}
