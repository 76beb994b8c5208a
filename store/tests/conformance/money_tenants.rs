//! Two tenants in one database: nobody sees or moves another's money.

use domain::fiscal::FiscalNumbers;
use domain::ids::{Id, OrderCostId, OrderId, PaymentId, PromoCodeId, ReceiptId, RefundId, SavedMethodId, TaskId};
use domain::ledger::{Account, AccountKind};
use domain::money::{BasisPoints, Currency};
use domain::order::OrderStatus;
use domain::payment::{Concern, PaymentStatus};
use store::{
    ClientDiscount, NewReceipt, NewSavedMethod, NewTask, OrderCost, OrderFilter, PaymentEvent, PaymentFilter,
    ReceiptFilter, RefundFilter, Tx,
};

use crate::shop::{PRICE, PROVIDER, Sale, a_payment, a_promo_code, a_refund, a_sale, paid_in, rub, settle};
use crate::world::{NOW, World, page};

struct Belongings {
    sale: Sale,
    promo: PromoCodeId,
    promo_name: String,
    refund: RefundId,
    receipt: ReceiptId,
    income: ReceiptId,
    method: SavedMethodId,
    cost: OrderCostId,
    task: TaskId,
    /// A client who turned out to be the buyer.
    before: domain::ids::ClientId,
}

async fn furnish(world: &World) -> Belongings {
    let sale = a_sale(world).await;
    let promo = a_promo_code(world, None);
    let refund = a_refund(world, &sale, 10_000);
    let (receipt, task) = (world.id(), world.id());
    let mut tx = world.write().await;
    assert!(tx.insert_promo_code(&promo).await.unwrap());
    assert!(tx.take_promo_use(&promo.code.id).await.unwrap());
    tx.reserve_promo_use(&promo.code.id, &sale.order.id, &sale.client, rub(5), NOW)
        .await
        .unwrap();
    assert!(tx.open_payment(&sale.payment.id, "yk-1", None, None).await.unwrap());
    tx.insert_telegram_invoice(&sale.payment.id, "101", NOW).await.unwrap();
    settle(world, &mut tx, &sale).await;
    assert!(tx.insert_refund(&refund).await.unwrap());
    let event = PaymentEvent {
        id: world.id(),
        source: "poll".to_owned(),
        seen: "{}".to_owned(),
        decision: "settle".to_owned(),
        request_id: world.id(),
        at: NOW,
    };
    tx.insert_payment_event(&sale.payment.id, &event).await.unwrap();
    let new = NewReceipt {
        id: receipt,
        order: sale.order.id.clone(),
        payment: Some(sale.payment.id.clone()),
        refund: None,
        kind: "payment",
        status: "queued",
        amount: PRICE,
        body: "{}".to_owned(),
        now: NOW,
    };
    assert!(tx.insert_receipt(&new).await.unwrap());
    let again = NewReceipt {
        id: world.id(),
        ..new.clone()
    };
    assert!(
        !tx.insert_receipt(&again).await.unwrap(),
        "a payment has one receipt of a kind"
    );
    let income = NewReceipt {
        id: world.id(),
        kind: "income",
        status: "by_hand",
        ..new.clone()
    };
    assert!(tx.insert_receipt(&income).await.unwrap());
    let method = NewSavedMethod {
        id: world.id(),
        client: sale.client.clone(),
        provider: PROVIDER.to_owned(),
        token: "pm-1".to_owned(),
        title: "•••• 4477".to_owned(),
        payment: sale.payment.id.clone(),
        now: NOW,
    };
    assert!(tx.insert_saved_method(&method).await.unwrap());
    assert!(
        !tx.insert_saved_method(&method).await.unwrap(),
        "a payment brings one method"
    );
    let cost = OrderCost {
        id: world.id(),
        order: sale.order.id.clone(),
        amount: rub(500),
        note: "зал".to_owned(),
        actor: "us_1".to_owned(),
        created_at: NOW,
    };
    tx.insert_order_cost(&cost).await.unwrap();
    tx.wish_saved_method(&sale.order.id, true).await.unwrap();
    assert!(tx.insert_bot_link(&a_bot_link(&sale.order.id)).await.unwrap());
    let letter = store::NewDelivery {
        channel: "email".to_owned(),
        ..world.a_delivery(sale.order.id.as_str())
    };
    assert!(tx.enqueue_delivery(&letter).await.unwrap());
    let before = world.a_client();
    tx.insert_client(&before).await.unwrap();
    tx.merge_client(&before.id, &sale.client, NOW).await.unwrap();
    let todo = NewTask {
        id: task,
        kind: "payment_concern".to_owned(),
        dedupe_key: format!("payment:{}", sale.payment.id),
        client: Some(sale.client.clone()),
        order: Some(sale.order.id.clone()),
        payment: Some(sale.payment.id.clone()),
        refund: Some(refund.id.clone()),
        facts: "{}".to_owned(),
        now: NOW,
    };
    assert!(tx.insert_task(&todo).await.unwrap());
    assert!(!tx.insert_task(&todo).await.unwrap(), "one cause, one task");
    tx.save_client_discount(&sale.client, &a_discount(0), NOW)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    Belongings {
        promo: promo.code.id,
        promo_name: promo.code.code,
        refund: refund.id,
        receipt: new.id,
        income: income.id,
        method: method.id,
        cost: cost.id,
        task: todo.id,
        before: before.id,
        sale,
    }
}

fn a_bot_link(order: &OrderId) -> store::BotLink {
    store::BotLink {
        order: order.clone(),
        number: 1,
        token_hash: "hash".to_owned(),
        created_at: NOW,
        expires_at: NOW.plus_minutes(60),
        used_at: None,
        used_by: None,
    }
}

fn a_discount(version: i64) -> ClientDiscount {
    ClientDiscount {
        basis_points: BasisPoints::new(1_500).unwrap(),
        note: Some("подруга".to_owned()),
        ends_at: None,
        version,
    }
}

/// Everything a tenant can ask with these ids.
async fn portrait(tx: &mut Tx, things: &Belongings) -> Vec<(&'static str, String)> {
    let (order, payment): (&OrderId, &PaymentId) = (&things.sale.order.id, &things.sale.payment.id);
    let client = &things.sale.client;
    let wallet = Account::wallet(client, Currency::Rub);
    let cause = format!("payment:{payment}");
    let clearing = Account::provider_clearing(PROVIDER, Currency::Rub);
    let whole_order = store::Order {
        id: order.clone(),
        client: client.clone(),
        status: OrderStatus::Paid,
        channel: String::new(),
        language: domain::language::Language::Ru,
        total: PRICE,
        breakdown: things.sale.order.breakdown.clone(),
        promo_code: None,
        contact: None,
        offer_hash: None,
        offer_accepted_at: None,
        created_at: NOW,
        expires_at: NOW,
        paid_at: None,
        fulfilled_at: None,
        closed_at: None,
        version: 1,
    };
    let of_client = OrderFilter {
        client: Some(client.clone()),
        status: None,
    };
    let payments = PaymentFilter {
        client: Some(client.clone()),
        ..PaymentFilter::default()
    };
    let refunds = RefundFilter {
        order: Some(order.clone()),
        status: None,
    };
    let receipts = ReceiptFilter {
        order: Some(order.clone()),
        ..ReceiptFilter::default()
    };
    let mut answers = Vec::new();
    macro_rules! ask {
        ($($name:ident($($argument:expr),*)),+ $(,)?) => {$(
            answers.push((stringify!($name), format!("{:?}", tx.$name($($argument),*).await.unwrap())));
        )+};
    }
    ask!(
        balance(&clearing),
        find_account(&store::account_id(&clearing)),
        entries(&wallet, &page(9)),
        balance_before(&clearing, None),
        journal(&page(9)),
        balances(AccountKind::Revenue, &page(9)),
        trial_balance(),
        find_order(order),
        lock_order(order),
        order_lines(&whole_order),
        list_orders(&OrderFilter::default(), &page(9)),
        list_orders(&of_client, &page(9)),
        paid_orders_of(client),
        newest_bot_link(order),
        lock_bot_link("hash"),
        letters_of(order, 9),
        merged_into(&things.before),
        find_payment(payment),
        lock_payment(payment),
        payment_of_provider(PROVIDER, "yk-1"),
        list_payments(&PaymentFilter::default(), &page(9)),
        list_payments(&payments, &page(9)),
        payment_events(payment, &page(9)),
        telegram_invoice(payment),
        find_product(&things.sale.product.id),
        products(),
        list_products(&page(9)),
        client_discount(client),
        find_promo_code(&things.promo),
        promo_code_named(&things.promo_name),
        list_promo_codes(None, &page(9)),
        promo_use(&things.promo, client),
        promo_report(&things.promo),
        find_refund(&things.refund),
        list_refunds(&RefundFilter::default(), &page(9)),
        list_refunds(&refunds, &page(9)),
        find_receipt(&things.receipt),
        list_receipts(&ReceiptFilter::default(), &page(9)),
        list_receipts(&receipts, &page(9)),
        receipt_of_order(order, "payment"),
        waiting_incomes(),
        find_saved_method(&things.method),
        saved_methods_of(client),
        saved_method_token(&things.method),
        wants_saved_method(order),
        order_costs(order),
        find_order_cost(&things.cost),
        find_task(&things.task),
        open_task_of_cause(&cause),
        has_open_task_of_order(order, "payment_concern"),
        list_tasks(None, &page(9)),
        check_books(),
    );
    answers
}

fn strangers_things(world: &World, like: &Belongings) -> Belongings {
    let mut order = like.sale.order.clone();
    order.id = world.id();
    let mut payment = like.sale.payment.clone();
    payment.id = world.id();
    let mut product = like.sale.product.clone();
    product.id = world.id();
    Belongings {
        sale: Sale {
            client: world.id(),
            product,
            order,
            payment,
        },
        promo: world.id(),
        promo_name: "NOBODY".to_owned(),
        refund: world.id(),
        receipt: world.id(),
        income: world.id(),
        method: world.id(),
        cost: world.id(),
        task: world.id(),
        before: world.id(),
    }
}

pub async fn nothing_of_another_tenant_is_seen(world: &World) {
    let things = furnish(world).await;
    let mut tx = world.other.read().await.unwrap();
    let nothing = portrait(&mut tx, &strangers_things(world, &things)).await;
    let seen = portrait(&mut tx, &things).await;
    drop(tx);
    let own = portrait(&mut world.read().await, &things).await;
    for (((question, seen), (_, empty)), (_, own)) in seen.iter().zip(&nothing).zip(&own) {
        assert_eq!(seen, empty, "{question} shows a tenant what belongs to another");
        assert!(
            *question == "check_books" || own != empty,
            "{question} answers the owner: {own}"
        );
    }
}

pub async fn nothing_of_another_tenant_is_changed(world: &World) {
    let things = furnish(world).await;
    let before = portrait(&mut world.read().await, &things).await;
    let later = NOW.plus_minutes(10);
    let (order, payment) = (&things.sale.order.id, &things.sale.payment.id);
    let mut tx = world.other.write().await.unwrap();
    assert_eq!(tx.live_payment_of(order).await.unwrap(), None);
    assert!(tx.insert_payment(&a_payment(world, &things.sale.order)).await.unwrap());
    let mut copy = things.sale.order.clone();
    copy.id = world.id();
    tx.insert_order(&copy).await.unwrap();
    assert!(!tx.accept_offer(order, None, "x", later).await.unwrap());
    assert!(!tx.use_bot_link(&a_bot_link(order), "42", later).await.unwrap());
    assert!(
        tx.merge_client(&things.sale.client, &things.before, later)
            .await
            .is_err()
    );
    assert!(!tx.set_order_contact(order, 1, "x@example.com").await.unwrap());
    assert!(!tx.delete_client_discount(&things.sale.client, 1).await.unwrap());
    let program: domain::ids::ProgramId = world.id();
    tx.link_program_to_order(&program, order).await.unwrap();
    assert!(!tx.has_program_of_order(order).await.unwrap());
    assert_eq!(tx.order_of_program(&program).await.unwrap(), None);
    assert_eq!(tx.withdraw_programs_of_order(order).await.unwrap(), 0);
    assert_eq!(
        tx.finish_tasks_of_order(order, "payment_concern", "x", later)
            .await
            .unwrap(),
        0
    );
    tx.adopt_provider_payment(payment, "x").await.unwrap();
    assert!(!tx.pay_order(order, later).await.unwrap());
    assert!(!tx.revive_order(order, later).await.unwrap());
    assert!(!tx.fulfil_order(order, later).await.unwrap());
    assert!(!tx.close_order(order, OrderStatus::Refunded, later).await.unwrap());
    assert!(!tx.open_payment(payment, "x", None, None).await.unwrap());
    assert!(!tx.await_payment(payment, later).await.unwrap());
    tx.insert_telegram_invoice(payment, "x", later).await.unwrap();
    tx.telegram_invoice_sent(payment, "x").await.unwrap();
    tx.telegram_invoice_paid(payment, "x", "x").await.unwrap();
    assert!(tx.holds_promo(order).await.unwrap(), "there is no such code here");
    tx.know_provider_payment(payment, "x").await.unwrap();
    assert!(!tx.hold_payment(payment).await.unwrap());
    assert!(!tx.settle_payment(payment, PRICE, None, None, later).await.unwrap());
    assert!(!tx.know_fee(payment, rub(1)).await.unwrap());
    assert!(
        !tx.close_payment(payment, PaymentStatus::Canceled, None, later)
            .await
            .unwrap()
    );
    tx.flag_payment(payment, Concern::OtherAmount).await.unwrap();
    tx.schedule_poll(payment, 9, later).await.unwrap();
    assert!(!tx.insert_refund(&a_refund(world, &things.sale, 1)).await.unwrap());
    assert!(!tx.open_refund(&things.refund, "x").await.unwrap());
    let mut promo = a_promo_code(world, None);
    promo.code.id = things.promo.clone();
    assert!(tx.update_promo_code(&promo).await.is_err());
    assert!(!tx.take_promo_use(&things.promo).await.unwrap());
    tx.use_promo(order, later).await.unwrap();
    assert!(!tx.release_promo(order, later).await.unwrap());
    let mut product = things.sale.product.clone();
    product.version = 1;
    assert!(tx.save_product(&product).await.is_err());
    assert!(
        tx.save_client_discount(&things.sale.client, &a_discount(1), later)
            .await
            .is_ok()
    );
    assert!(
        !tx.finish_receipt(&things.receipt, "failed", None, None, later)
            .await
            .unwrap()
    );
    assert!(!tx.begin_receipt(&things.receipt, rub(1), "{}").await.unwrap());
    assert!(!tx.accept_receipt(&things.receipt, None).await.unwrap());
    assert!(!tx.requeue_receipt(&things.receipt).await.unwrap());
    assert!(
        !tx.register_receipt(&things.income, None, None, later).await.unwrap()
            && !tx.describe_receipt(&things.income, "{}").await.unwrap()
    );
    let numbers = FiscalNumbers::new("9288000100115785", "118", "173423614").unwrap();
    assert!(
        !tx.write_fiscal_numbers(&things.receipt, &numbers, None, later)
            .await
            .unwrap()
    );
    tx.wish_saved_method(order, false).await.unwrap();
    assert!(!tx.charge_by_method(payment, &things.method).await.unwrap());
    assert_eq!(tx.method_of_payment(payment).await.unwrap(), None);
    assert!(!tx.forget_saved_method(&things.method, "us_2", later).await.unwrap());
    assert!(!tx.delete_order_cost(&things.cost).await.unwrap());
    assert!(!tx.finish_task(&things.task, "us_2", later).await.unwrap());
    tx.set_task_facts(&things.task, "{\"x\":1}").await.unwrap();
    tx.commit().await.unwrap();
    let mut tx = world.write().await;
    let refund = tx.find_refund(&things.refund).await.unwrap().unwrap();
    drop(tx);
    let mut tx = world.other.write().await.unwrap();
    assert!(!tx.fail_refund(&refund, "x", later).await.unwrap());
    assert!(!tx.succeed_refund(&refund, None, later).await.unwrap());
    let transfer = paid_in(world, &things.sale.client, payment, PRICE);
    assert_eq!(
        tx.post(&[transfer]).await.unwrap(),
        [true],
        "keys of two tenants don't collide"
    );
    tx.commit().await.unwrap();
    let after = portrait(&mut world.read().await, &things).await;
    for ((question, then), (_, now)) in before.iter().zip(&after) {
        assert_eq!(now, then, "{question}");
    }
    let mut tx = world.write().await;
    assert!(tx.begin_receipt(&things.receipt, rub(70), "{}").await.unwrap());
    assert!(
        !tx.begin_receipt(&things.receipt, rub(70), "{}").await.unwrap(),
        "asked for once"
    );
    assert!(tx.requeue_receipt(&things.receipt).await.unwrap());
    assert!(tx.begin_receipt(&things.receipt, rub(60), "{}").await.unwrap());
    assert!(tx.accept_receipt(&things.receipt, Some("rt-1")).await.unwrap());
    let sent = tx.find_receipt(&things.receipt).await.unwrap().unwrap();
    assert_eq!((sent.attempts, sent.amount, sent.status.as_str()), (2, rub(60), "sent"));
    assert_eq!(tx.waiting_incomes().await.unwrap(), Some((1, NOW)));
    assert!(tx.describe_receipt(&things.income, "{\"a\":1}").await.unwrap());
    assert!(
        tx.register_receipt(&things.income, Some("20abc"), Some("https://nalog.example/1"), later)
            .await
            .unwrap()
    );
    assert!(!tx.register_receipt(&things.income, None, None, later).await.unwrap());
    assert_eq!(tx.waiting_incomes().await.unwrap(), None);
    assert!(tx.forget_saved_method(&things.method, "client", later).await.unwrap());
    assert!(!tx.forget_saved_method(&things.method, "client", later).await.unwrap());
    assert_eq!(tx.saved_method_token(&things.method).await.unwrap(), None);
    let proof = tx.find_saved_method(&things.method).await.unwrap().unwrap();
    assert_eq!(proof.forgotten_by.as_deref(), Some("client"));
    assert!(tx.delete_order_cost(&things.cost).await.unwrap());
    assert!(
        tx.finish_receipt(&things.receipt, "registered", Some("r-1"), None, later)
            .await
            .unwrap()
    );
    assert!(
        !tx.finish_receipt(&things.receipt, "failed", None, None, later)
            .await
            .unwrap()
    );
    assert!(tx.finish_task(&things.task, "us_1", later).await.unwrap());
    assert!(!tx.finish_task(&things.task, "us_1", later).await.unwrap());
    assert!(things.task.as_str().starts_with("tk_"));
}
