//! Receipts: which ones are incomes, and what a cash register has written on them.

use domain::fiscal::FiscalNumbers;
use domain::ids::ReceiptId;
use store::{NewReceipt, Receipt, ReceiptFilter, Regime, Tx};

use crate::shop::{PRICE, Sale, a_sale};
use crate::world::{NOW, World, page};

fn a_receipt(world: &World, sale: &Sale, kind: &'static str, status: &'static str) -> NewReceipt {
    NewReceipt {
        id: world.id(),
        order: sale.order.id.clone(),
        payment: Some(sale.payment.id.clone()),
        refund: None,
        kind,
        status,
        amount: PRICE,
        body: "{}".to_owned(),
        now: NOW,
    }
}

async fn of_regime(tx: &mut Tx, regime: Regime) -> Vec<Receipt> {
    let filter = ReceiptFilter {
        regime: Some(regime),
        ..ReceiptFilter::default()
    };
    tx.list_receipts(&filter, &page(9)).await.unwrap().items
}

fn numbers(document: &str) -> FiscalNumbers {
    FiscalNumbers::new("9288000100115785", document, "173423614").unwrap()
}

pub async fn an_income_of_a_test_payment_waits_for_nobody(world: &World) {
    let (trial, real) = (a_sale(world).await, a_sale(world).await);
    let mut tx = world.write().await;
    tx.know_test(&trial.payment.id).await.unwrap();
    for sale in [&trial, &real] {
        for (kind, status) in [("income", "by_hand"), ("payment", "with_payment")] {
            assert!(tx.insert_receipt(&a_receipt(world, sale, kind, status)).await.unwrap());
        }
    }
    let payments = |rows: Vec<Receipt>| rows.into_iter().map(|row| row.payment).collect::<Vec<_>>();
    let incomes = of_regime(&mut tx, Regime::SelfEmployed).await;
    assert!(incomes.iter().all(|row| !row.is_test));
    assert_eq!(payments(incomes), [Some(real.payment.id.clone())]);
    let tried = of_regime(&mut tx, Regime::SelfEmployedTest).await;
    assert!(tried.iter().all(|row| row.is_test));
    assert_eq!(payments(tried), [Some(trial.payment.id.clone())]);
    assert_eq!(
        tx.waiting_incomes().await.unwrap(),
        Some((1, NOW)),
        "the real one alone"
    );
    let mut fiscal = of_regime(&mut tx, Regime::Fiscal).await;
    fiscal.sort_by_key(|row| row.is_test);
    let marked: Vec<bool> = fiscal.iter().map(|row| row.is_test).collect();
    assert_eq!(
        marked,
        [false, true],
        "a register's receipts are marked, and stay where they are"
    );
    tx.commit().await.unwrap();
}

/// What was listed as an income before test payments were told apart.
pub async fn incomes_of_before_are_told_apart_by_their_payment(world: &World) {
    const MIGRATION: &str = include_str!("../../../migrations/sqlite/0009_test_payments.sql");
    let (trial, real) = (a_sale(world).await, a_sale(world).await);
    let mut tx = world.write().await;
    for sale in [&trial, &real] {
        assert!(
            tx.insert_receipt(&a_receipt(world, sale, "income", "by_hand"))
                .await
                .unwrap()
        );
    }
    tx.know_test(&trial.payment.id).await.unwrap();
    assert_eq!(tx.waiting_incomes().await.unwrap(), Some((2, NOW)));
    tx.commit().await.unwrap();
    let start = MIGRATION.find("UPDATE receipts").unwrap();
    let statement = MIGRATION[start..].split_once(';').unwrap().0;
    let mut raw = world.raw().await;
    raw.execute(statement).await;
    raw.close().await;
    let mut tx = world.read().await;
    assert_eq!(tx.waiting_incomes().await.unwrap(), Some((1, NOW)));
    assert_eq!(of_regime(&mut tx, Regime::SelfEmployedTest).await.len(), 1);
}

async fn find(tx: &mut Tx, id: &ReceiptId) -> Receipt {
    tx.find_receipt(id).await.unwrap().unwrap()
}

pub async fn what_a_register_has_written_is_kept_once(world: &World) {
    let (sale, other) = (a_sale(world).await, a_sale(world).await);
    let later = NOW.plus_minutes(5);
    let new = a_receipt(world, &sale, "payment", "with_payment");
    let mut tx = world.write().await;
    assert!(tx.insert_receipt(&new).await.unwrap());
    assert_eq!(find(&mut tx, &new.id).await.fiscal, None);
    // The register has failed first, and came back.
    assert!(
        tx.finish_receipt(&new.id, "failed", None, Some("311"), NOW)
            .await
            .unwrap()
    );
    let link = "https://check.example/1";
    assert!(
        tx.write_fiscal_numbers(&new.id, &numbers("118"), Some(link), later)
            .await
            .unwrap()
    );
    let written = find(&mut tx, &new.id).await;
    assert_eq!(
        (written.status.as_str(), written.failure.as_deref(), written.finished_at),
        ("registered", None, Some(later))
    );
    assert_eq!(
        (written.fiscal.as_ref(), written.link.as_deref()),
        (Some(&numbers("118")), Some(link))
    );
    assert!(
        !tx.write_fiscal_numbers(&new.id, &numbers("119"), None, later)
            .await
            .unwrap(),
        "nothing is written over"
    );
    assert_eq!(find(&mut tx, &new.id).await, written);

    // A person was faster: their word stays, the numbers are added.
    let closing = a_receipt(world, &sale, "closing", "by_hand");
    assert!(tx.insert_receipt(&closing).await.unwrap());
    assert!(tx.register_receipt(&closing.id, Some("4711"), None, NOW).await.unwrap());
    assert!(
        tx.write_fiscal_numbers(&closing.id, &numbers("120"), None, later)
            .await
            .unwrap()
    );
    let told = find(&mut tx, &closing.id).await;
    assert_eq!(
        (told.provider_receipt.as_deref(), told.finished_at, told.fiscal),
        (Some("4711"), Some(NOW), Some(numbers("120")))
    );

    // An income has no register, and what is called off none any more.
    let income = a_receipt(world, &sale, "income", "by_hand");
    let gone = a_receipt(world, &other, "closing", "queued");
    assert!(tx.insert_receipt(&income).await.unwrap());
    assert!(tx.insert_receipt(&gone).await.unwrap());
    assert!(tx.finish_receipt(&gone.id, "canceled", None, None, NOW).await.unwrap());
    for id in [&income.id, &gone.id] {
        assert!(!tx.write_fiscal_numbers(id, &numbers("121"), None, later).await.unwrap());
    }
}
