//! Cards that payers agreed to keep, and what would be fair to give back.

use app::pay::{costs, saved};
use app::settings::payments::PaymentSettings;
use domain::money::BasisPoints as Share;
use store::SavedMethod;

use super::receipts::set;
use super::*;

on_both!(in crate::payments::Shop;
    a_card_is_kept_on_the_payers_wish_and_charged_again,
    a_card_is_not_kept_without_a_wish_or_against_the_owners_will,
    a_forgotten_card_is_charged_by_nobody,
    a_charge_whose_answer_was_lost_is_one_charge,
    a_charge_the_bank_will_not_hear_of_is_told_to_a_person,
    a_fair_refund_leaves_what_was_delivered_and_spent,
);

async fn keeping(shop: &Shop, save_methods: bool) {
    let settings = PaymentSettings {
        save_methods,
        ..PaymentSettings::default()
    };
    set(shop, &settings).await;
}

async fn buys(shop: &Shop, client: &ClientId, provider: &str, wish: bool) -> Payment {
    let order = shop.order(client, "nutrition", None).await.order;
    saved::wish(&shop.world.app, &shop.client_caller(), &order.id, wish)
        .await
        .unwrap();
    let payment = shop.start_payment(&order, provider).await;
    let id = payment.provider_payment.as_ref().unwrap();
    let act = json!({ "action": "pay", "outcome": "success", "save": wish });
    let bank = match provider {
        "tbank" => shop.bank.tbank(),
        _ => shop.bank.yookassa(),
    };
    bank.act(id, &act).await.unwrap();
    assert_eq!(shop.look(&payment).await, PaymentStatus::Completed);
    shop.look(&payment).await;
    shop.world.run_jobs().await;
    payment
}

async fn kept(shop: &Shop, client: &ClientId) -> Vec<SavedMethod> {
    saved::list(&shop.world.app, &shop.admin(), client).await.unwrap()
}

async fn a_card_is_kept_on_the_payers_wish_and_charged_again(shop: &Shop) {
    keeping(shop, true).await;
    let client = a_visitor(shop).await;
    for provider in ["yookassa", "tbank"] {
        buys(shop, &client, provider, true).await;
        let methods = kept(shop, &client).await;
        let method = methods.iter().find(|method| method.provider == provider).unwrap();
        assert!(
            method.title.chars().filter(char::is_ascii_digit).count() <= 4,
            "{method:?}"
        );
        let order = shop.order(&client, "nutrition", None).await.order;
        let (app, caller) = (&shop.world.app, shop.world.caller.clone());
        let payment = saved::charge(app, &caller, &order.id, &method.id).await.unwrap();
        assert_eq!(payment.status, PaymentStatus::Completed, "{payment:?}");
        let again = saved::charge(app, &caller, &order.id, &method.id).await;
        assert!(
            matches!(
                again,
                Err(Error::Conflict {
                    code: "order_not_payable",
                    ..
                })
            ),
            "{again:?}"
        );
        shop.advance_minutes(1).await;
        shop.world.run_jobs().await;
        assert_eq!(shop.find_order(&order).await.status, OrderStatus::Fulfilled);
        assert_eq!(
            kept(shop, &client)
                .await
                .iter()
                .filter(|method| method.provider == provider)
                .count(),
            1,
            "a charge brings no second card"
        );
    }
    shop.check_books().await;
}

async fn a_card_is_not_kept_without_a_wish_or_against_the_owners_will(shop: &Shop) {
    keeping(shop, true).await;
    let client = a_visitor(shop).await;
    buys(shop, &client, "yookassa", false).await;
    buys(shop, &client, "tbank", false).await;
    keeping(shop, false).await;
    let order = shop.order(&client, "nutrition", None).await.order;
    let refused = saved::wish(&shop.world.app, &shop.client_caller(), &order.id, true).await;
    assert!(matches!(
        refused,
        Err(Error::Conflict {
            code: "methods_not_saved",
            ..
        })
    ));
    assert_eq!(kept(shop, &client).await, []);
    shop.check_books().await;
}

async fn a_forgotten_card_is_charged_by_nobody(shop: &Shop) {
    keeping(shop, true).await;
    let mut anna = Phone::new(&shop.world, "101", "Анна", "ru");
    anna.start(None).await;
    let client = shop.only_client().await;
    buys(shop, &client, "yookassa", true).await;
    anna.refresh().await;
    let method = kept(shop, &client).await.remove(0);
    let mut boris = Phone::new(&shop.world, "102", "Борис", "ru");
    boris.start(None).await;
    boris
        .act(app::converse::Body::Action {
            action: format!("cf:{}", method.id),
            message_ref: Some("1".into()),
        })
        .await;
    assert!(kept(shop, &client).await[0].forgotten_at.is_none(), "it is not his");
    anna.act(app::converse::Body::Command { name: "menu".into() }).await;
    anna.press("Мои покупки").await;
    anna.press("Сохранённые карты").await;
    anna.press("Удалить").await;
    assert_eq!(anna.count("Списаний с этой карты больше не будет"), 1);
    let proof = kept(shop, &client).await.remove(0);
    assert_eq!(proof.forgotten_by.as_deref(), Some("client"));
    let mut tx = shop.world.read().await;
    assert_eq!(
        tx.saved_method_token(&method.id).await.unwrap(),
        None,
        "the token is gone"
    );
    drop(tx);
    let order = shop.order(&client, "nutrition", None).await.order;
    let (app, caller) = (&shop.world.app, shop.world.caller.clone());
    let refused = saved::charge(app, &caller, &order.id, &method.id).await;
    assert!(
        matches!(
            refused,
            Err(Error::Conflict {
                code: "method_forgotten",
                ..
            })
        ),
        "{refused:?}"
    );
    assert_eq!(shop.bank.yookassa().payments().await.unwrap().len(), 1);
    shop.check_books().await;
}

async fn a_charge_whose_answer_was_lost_is_one_charge(shop: &Shop) {
    keeping(shop, true).await;
    let client = a_visitor(shop).await;
    for (provider, bank, call) in [
        ("yookassa", shop.bank.yookassa(), "create_payment"),
        ("tbank", shop.bank.tbank(), "Charge"),
    ] {
        buys(shop, &client, provider, true).await;
        let methods = kept(shop, &client).await;
        let method = methods.iter().find(|method| method.provider == provider).unwrap();
        let order = shop.order(&client, "nutrition", None).await.order;
        let before = bank.payments().await.unwrap().len();
        bank.set_faults(&json!({ "drop_response": { "next": 1 }, "only_calls": [call] }))
            .await
            .unwrap();
        let (app, caller) = (&shop.world.app, shop.world.caller.clone());
        let payment = saved::charge(app, &caller, &order.id, &method.id).await.unwrap();
        assert_eq!(payment.status, PaymentStatus::Creating, "{provider}: nobody knows yet");
        shop.advance_minutes(1).await;
        shop.world.run_jobs().await;
        assert_eq!(
            shop.find_payment(&payment).await.status,
            PaymentStatus::Completed,
            "{provider}"
        );
        assert_eq!(bank.payments().await.unwrap().len(), before + 1, "{provider}");
        bank.set_faults(&json!({ "only_calls": [], "decline_charge": { "next": 1 } }))
            .await
            .unwrap();
        let order = shop.order(&client, "nutrition", None).await.order;
        let declined = saved::charge(app, &caller, &order.id, &method.id).await.unwrap();
        assert_eq!(declined.status, PaymentStatus::Canceled, "{provider}");
        assert_eq!(declined.decline.unwrap().advice, DeclineAdvice::TryLater);
    }
    shop.check_books().await;
}

async fn a_charge_the_bank_will_not_hear_of_is_told_to_a_person(shop: &Shop) {
    keeping(shop, true).await;
    let client = a_visitor(shop).await;
    buys(shop, &client, "yookassa", true).await;
    let method = kept(shop, &client).await.remove(0);
    let before = shop.tasks().await;
    shop.bank
        .yookassa()
        .set_faults(&json!({ "refuse": { "percent": 100 } }))
        .await
        .unwrap();
    for _ in 0..2 {
        let order = shop.order(&client, "nutrition", None).await.order;
        let (app, caller) = (&shop.world.app, shop.world.caller.clone());
        let payment = saved::charge(app, &caller, &order.id, &method.id).await.unwrap();
        assert_eq!(payment.status, PaymentStatus::Canceled);
    }
    let mut tasks = shop.tasks().await;
    tasks.retain(|task| !before.contains(task));
    assert_eq!(tasks, ["misconfigured"], "one while it lasts");
    shop.check_books().await;
}

async fn a_fair_refund_leaves_what_was_delivered_and_spent(shop: &Shop) {
    let client = a_visitor(shop).await;
    let order = shop.order(&client, "nutrition", None).await.order;
    let (app, admin) = (&shop.world.app, shop.admin());
    let early = costs::fair(app, &admin, &order.id, None).await;
    assert!(matches!(
        early,
        Err(Error::Conflict {
            code: "refund_not_paid",
            ..
        })
    ));
    let payment = shop.start_payment(&order, "yookassa").await;
    shop.bank_pays(&payment).await;
    shop.look(&payment).await;
    shop.world.run_jobs().await;
    let total = order.total.minor;
    let fair = costs::fair(app, &admin, &order.id, None).await.unwrap();
    assert_eq!(fair.proposed, order.total, "nothing is written yet: everything back");
    let euro = Money::new(100, Currency::Eur);
    assert!(matches!(
        costs::log(app, &admin, &order.id, euro, "зал").await,
        Err(Error::Invalid(_))
    ));
    assert!(matches!(
        costs::log(app, &admin, &order.id, rub(0), "зал").await,
        Err(Error::Invalid(_))
    ));
    assert!(matches!(
        costs::log(app, &admin, &order.id, rub(1), " ").await,
        Err(Error::Invalid(_))
    ));
    let gym = costs::log(app, &admin, &order.id, rub(30_000), "Аренда зала")
        .await
        .unwrap();
    costs::log(app, &admin, &order.id, rub(5_000), "Анализы").await.unwrap();
    let fair = costs::fair(app, &admin, &order.id, None).await.unwrap();
    assert_eq!((fair.left, fair.proposed), (order.total, rub(total - 35_000)));
    let told: Vec<(&str, i64)> = fair
        .steps
        .iter()
        .map(|step| (step.title.ru.as_str(), step.amount.minor))
        .collect();
    assert_eq!(
        told,
        [("Оплачено", total), ("Аренда зала", -30_000), ("Анализы", -5_000)]
    );
    costs::remove(app, &admin, &gym.id).await.unwrap();
    assert!(matches!(
        costs::remove(app, &admin, &gym.id).await,
        Err(Error::NotFound { .. })
    ));
    let half = costs::fair(app, &admin, &order.id, Share::new(5_000)).await.unwrap();
    assert_eq!(half.proposed, rub(total / 2 - 5_000));
    refund::request(app, &admin, &payment.id, Some(rub(20_000)), "часть")
        .await
        .unwrap();
    let under_way = costs::fair(app, &admin, &order.id, None).await.unwrap();
    assert_eq!(under_way.proposed, rub(total - 25_000), "what is on its way counts");
    shop.world.run_jobs().await;
    let task = shop
        .world
        .read()
        .await
        .list_tasks(None, &ALL)
        .await
        .unwrap()
        .items
        .remove(0);
    app::crm::tasks::done(app, &admin, &task.id).await.unwrap();
    let given = costs::fair(app, &admin, &order.id, None).await.unwrap();
    assert_eq!(given.proposed, rub(0), "the plan is written");
    assert_eq!(given.steps[1].title.ru, "План питания");
    shop.check_books().await;
}
