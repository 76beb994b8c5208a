//! Payments made with a provider's test keys: everything goes on as with real ones, and they are no incomes.

use app::crm::payments::{self as till, WantedIncomes};
use app::pay::incomes;

use super::receipts::{gives_back, real_money, self_employed, waiting};
use super::*;

on_both!(in crate::payments::Shop;
    what_was_paid_with_test_keys_is_no_income,
);

async fn tried(shop: &Shop) -> Vec<till::Income> {
    let wanted = WantedIncomes {
        is_test: true,
        ..WantedIncomes::default()
    };
    till::list_incomes(&shop.world.app, &shop.admin(), &wanted, &ALL)
        .await
        .unwrap()
        .items
}

async fn what_was_paid_with_test_keys_is_no_income(shop: &Shop) {
    self_employed(shop).await;
    let mut trainer = Phone::new(&shop.world, TRAINER, "Ольга", "ru");
    trainer.start(None).await;
    let client = a_visitor(shop).await;
    for provider in ["yookassa", "tbank"] {
        let order = shop.order(&client, "nutrition", None).await.order;
        let payment = shop.start_payment(&order, provider).await;
        shop.bank_pays(&payment).await;
        shop.look(&payment).await;
        assert!(shop.find_payment(&payment).await.is_test, "{provider}");
        gives_back(shop, &payment, 100_000).await;
    }
    assert_eq!(waiting(shop, "by_hand").await, []);
    let kinds: Vec<(String, bool)> = tried(shop)
        .await
        .into_iter()
        .map(|income| (income.receipt.kind, income.receipt.is_test))
        .collect();
    let (came, back) = (("income".to_owned(), true), ("income_refund".to_owned(), true));
    assert_eq!(kinds, [back.clone(), came.clone(), back, came]);
    incomes::tick(&shop.world.app).await.unwrap();
    shop.world.run_jobs().await;
    trainer.refresh().await;
    assert_eq!(
        trainer.count("Не зарегистрировано"),
        0,
        "nobody is asked to register them"
    );

    real_money(shop).await;
    let order = shop.order(&client, "nutrition", None).await.order;
    let payment = shop.start_payment(&order, "yookassa").await;
    shop.bank_pays(&payment).await;
    shop.look(&payment).await;
    let incomes = waiting(shop, "by_hand").await;
    assert_eq!(incomes.len(), 1);
    assert_eq!(
        (&incomes[0].receipt.payment, incomes[0].receipt.is_test),
        (&Some(payment.id), false)
    );
    shop.check_books().await;
}
