//! Orders, payments, refunds and promo codes: what must never happen twice can't.

use domain::ids::OrderId;
use domain::order::OrderStatus;
use domain::payment::{Concern, Decline, DeclineAdvice, PaymentStatus};
use domain::refund::RefundStatus;
use store::{OrderFilter, PaymentEvent, PaymentFilter, Product, RefundFilter};
use tokio::task::JoinSet;

use crate::shop::{PRICE, PROVIDER, a_payment, a_promo_code, a_refund, a_sale, an_order, rub, settle};
use crate::world::{NOW, World, page};

fn declined() -> Decline {
    Decline {
        code: "insufficient_funds".to_owned(),
        advice: DeclineAdvice::TryLater,
    }
}

pub async fn an_order_keeps_what_was_agreed(world: &World) {
    let sale = a_sale(world).await;
    let mut tx = world.write().await;
    let mut product = tx.find_product(&sale.product.id).await.unwrap().unwrap();
    product.price = rub(999_900);
    product.title.ru = "Дороже".to_owned();
    assert!(tx.save_product(&product).await.unwrap());
    assert!(tx.save_product(&product).await.is_err(), "somebody saved it in between");
    let order = tx.find_order(&sale.order.id).await.unwrap().unwrap();
    assert_eq!((order.total, order.status), (PRICE, OrderStatus::AwaitingPayment));
    assert_eq!(order.breakdown, sale.order.breakdown);
    assert_eq!(tx.order_lines(&order).await.unwrap(), sale.order.lines);
    assert!(
        tx.accept_offer(&order.id, Some("anna@example.com"), "hash", NOW)
            .await
            .unwrap()
    );
    assert!(tx.accept_offer(&order.id, None, "hash", NOW).await.unwrap());
    let order = tx.find_order(&order.id).await.unwrap().unwrap();
    assert_eq!(order.contact.as_deref(), Some("anna@example.com"));
    assert_eq!(order.offer_accepted_at, Some(NOW));
}

pub async fn an_order_has_one_live_payment(world: &World) {
    let sale = a_sale(world).await;
    let mut tx = world.write().await;
    assert!(
        tx.close_payment(&sale.payment.id, PaymentStatus::Canceled, Some(&declined()), NOW)
            .await
            .unwrap()
    );
    assert!(
        !tx.close_payment(&sale.payment.id, PaymentStatus::Expired, None, NOW)
            .await
            .unwrap()
    );
    assert_eq!(tx.live_payment_of(&sale.order.id).await.unwrap(), None);
    tx.commit().await.unwrap();
    let mut tasks = JoinSet::new();
    for _ in 0..8 {
        let (tenant, payment) = (world.tenant.clone(), a_payment(world, &sale.order));
        tasks.spawn(async move {
            let mut tx = tenant.write().await.unwrap();
            let is_first = tx.insert_payment(&payment).await.unwrap();
            tx.commit().await.unwrap();
            is_first
        });
    }
    let won = tasks.join_all().await.into_iter().filter(|is_first| *is_first).count();
    assert_eq!(won, 1);
    let mut tx = world.read().await;
    let filter = PaymentFilter {
        order: Some(sale.order.id.clone()),
        ..PaymentFilter::default()
    };
    let told = tx.list_payments(&filter, &page(9)).await.unwrap().items;
    assert_eq!(told.len(), 2);
    assert_eq!(told[1].decline, Some(declined()));
    assert_eq!(told[1].note.as_deref(), Some("из чата"));
}

pub async fn a_payment_goes_forward_only(world: &World) {
    let sale = a_sale(world).await;
    let id = &sale.payment.id;
    let mut tx = world.write().await;
    assert!(
        tx.open_payment(id, "yk-1", Some("https://pay.example/1"), None)
            .await
            .unwrap()
    );
    assert!(!tx.open_payment(id, "yk-2", None, None).await.unwrap());
    assert_eq!(
        tx.payment_of_provider(PROVIDER, "yk-1").await.unwrap().as_ref(),
        Some(id)
    );
    assert!(tx.hold_payment(id).await.unwrap());
    assert!(!tx.hold_payment(id).await.unwrap());
    assert!(tx.close_payment(id, PaymentStatus::Expired, None, NOW).await.unwrap());
    let late = Some(Concern::PaidAfterClosing);
    assert!(
        tx.settle_payment(id, PRICE, None, late, NOW).await.unwrap(),
        "a success is real money whenever it comes"
    );
    assert!(!tx.settle_payment(id, PRICE, None, None, NOW).await.unwrap());
    assert!(!tx.close_payment(id, PaymentStatus::Canceled, None, NOW).await.unwrap());
    let payment = tx.find_payment(id).await.unwrap().unwrap();
    assert_eq!((payment.status, payment.concern), (PaymentStatus::Completed, late));
    assert_eq!(payment.next_poll_at, None, "nobody asks about what is settled");
    assert!(tx.know_fee(id, rub(3_500)).await.unwrap());
    assert!(!tx.know_fee(id, rub(9)).await.unwrap());
    let event = PaymentEvent {
        id: world.id(),
        source: "poll".to_owned(),
        seen: "{}".to_owned(),
        decision: "settle".to_owned(),
        request_id: world.id(),
        at: NOW,
    };
    tx.insert_payment_event(id, &event).await.unwrap();
    assert_eq!(tx.payment_events(id, &page(9)).await.unwrap().items, [event]);
}

pub async fn what_is_due_is_found(world: &World) {
    let sale = a_sale(world).await;
    let system = async |minutes| {
        let mut system = world.store.system_read().await.unwrap();
        let at = NOW.plus_minutes(minutes);
        let polls = system.payments_to_poll(at, 9).await.unwrap().len();
        (polls, system.expired_orders(at, 9).await.unwrap().len())
    };
    assert_eq!(system(0).await, (0, 0));
    assert_eq!(system(1).await, (1, 0));
    assert_eq!(system(60).await, (1, 1));
    let mut tx = world.write().await;
    tx.schedule_poll(&sale.payment.id, 1, NOW.plus_minutes(90))
        .await
        .unwrap();
    assert!(tx.close_order(&sale.order.id, OrderStatus::Expired, NOW).await.unwrap());
    assert!(
        !tx.close_order(&sale.order.id, OrderStatus::Canceled, NOW)
            .await
            .unwrap()
    );
    tx.commit().await.unwrap();
    assert_eq!(system(60).await, (0, 0));
    let mut tx = world.write().await;
    assert!(!tx.pay_order(&sale.order.id, NOW).await.unwrap());
    assert!(tx.revive_order(&sale.order.id, NOW).await.unwrap(), "paid after all");
    assert!(tx.fulfil_order(&sale.order.id, NOW).await.unwrap());
    assert!(!tx.fulfil_order(&sale.order.id, NOW).await.unwrap());
    assert_eq!(tx.paid_orders_of(&sale.client).await.unwrap(), 1);
    let filter = OrderFilter {
        status: Some(OrderStatus::Fulfilled),
        client: None,
    };
    assert_eq!(tx.list_orders(&filter, &page(9)).await.unwrap().items.len(), 1);
}

pub async fn two_refunds_can_not_promise_the_same_money(world: &World) {
    let sale = a_sale(world).await;
    let mut tx = world.write().await;
    assert!(
        !tx.insert_refund(&a_refund(world, &sale, 1)).await.unwrap(),
        "nothing was paid yet"
    );
    settle(world, &mut tx, &sale).await;
    tx.commit().await.unwrap();
    let mut tasks = JoinSet::new();
    for _ in 0..2 {
        let (tenant, refund) = (world.tenant.clone(), a_refund(world, &sale, 70_000));
        tasks.spawn(async move {
            let mut tx = tenant.write().await.unwrap();
            let is_promised = tx.insert_refund(&refund).await.unwrap();
            tx.commit().await.unwrap();
            is_promised.then_some(refund.id)
        });
    }
    let promised: Vec<_> = tasks.join_all().await.into_iter().flatten().collect();
    assert_eq!(promised.len(), 1);
    let mut tx = world.write().await;
    let rest = a_refund(world, &sale, 30_000);
    assert!(tx.insert_refund(&rest).await.unwrap());
    let first = tx.find_refund(&promised[0]).await.unwrap().unwrap();
    assert!(tx.open_refund(&first.id, "rf-1").await.unwrap());
    assert!(tx.succeed_refund(&first, Some("rf-1"), NOW).await.unwrap());
    assert!(!tx.succeed_refund(&first, Some("rf-1"), NOW).await.unwrap());
    let second = tx.find_refund(&rest.id).await.unwrap().unwrap();
    assert!(tx.fail_refund(&second, "insufficient_funds", NOW).await.unwrap());
    assert!(!tx.succeed_refund(&second, None, NOW).await.unwrap());
    let payment = tx.find_payment(&sale.payment.id).await.unwrap().unwrap();
    assert_eq!(
        (payment.status, payment.refunded, payment.reserved),
        (PaymentStatus::PartiallyRefunded, rub(70_000), rub(0))
    );
    let last = a_refund(world, &sale, 30_000);
    assert!(tx.insert_refund(&last).await.unwrap());
    let last = tx.find_refund(&last.id).await.unwrap().unwrap();
    assert!(tx.succeed_refund(&last, None, NOW).await.unwrap());
    assert!(
        tx.close_order(&sale.order.id, OrderStatus::Refunded, NOW)
            .await
            .unwrap()
    );
    let payment = tx.find_payment(&sale.payment.id).await.unwrap().unwrap();
    assert_eq!((payment.status, payment.refunded), (PaymentStatus::Refunded, PRICE));
    let order = tx.find_order(&sale.order.id).await.unwrap().unwrap();
    assert_eq!(tx.order_lines(&order).await.unwrap()[0].refunded, PRICE);
    let failed = RefundFilter {
        order: Some(sale.order.id.clone()),
        status: Some(RefundStatus::Failed),
    };
    let told = tx.list_refunds(&failed, &page(9)).await.unwrap().items;
    assert_eq!((told.len(), told[0].reason.as_str()), (1, "передумал"));
}

pub async fn of_fifty_at_once_one_gets_the_last_use_of_a_code(world: &World) {
    let sale = a_sale(world).await;
    let promo = a_promo_code(world, Some(1));
    let id = promo.code.id.clone();
    let mut tx = world.write().await;
    assert!(tx.insert_promo_code(&promo).await.unwrap());
    let twin = store::StoredPromoCode {
        code: domain::promo::PromoCode {
            id: world.id(),
            ..promo.code.clone()
        },
        ..promo.clone()
    };
    assert!(!tx.insert_promo_code(&twin).await.unwrap(), "the code is taken");
    assert_eq!(
        tx.promo_code_named(&promo.code.code).await.unwrap(),
        Some(promo.clone())
    );
    tx.commit().await.unwrap();
    let mut tasks = JoinSet::new();
    for _ in 0..50 {
        let (tenant, id) = (world.tenant.clone(), id.clone());
        let order = an_order(world, &sale.client, &sale.product);
        tasks.spawn(async move {
            let mut tx = tenant.write().await.unwrap();
            if !tx.take_promo_use(&id).await.unwrap() {
                return None;
            }
            tx.insert_order(&order).await.unwrap();
            tx.reserve_promo_use(&id, &order.id, &order.client, rub(10_000), NOW)
                .await
                .unwrap();
            tx.commit().await.unwrap();
            Some(order.id)
        });
    }
    let winners: Vec<OrderId> = tasks.join_all().await.into_iter().flatten().collect();
    assert_eq!(winners.len(), 1);
    let mut tx = world.write().await;
    let used = tx.promo_use(&id, &sale.client).await.unwrap();
    assert_eq!((used.total, used.by_client), (1, 1));
    assert!(tx.release_promo(&winners[0], NOW).await.unwrap());
    assert!(!tx.release_promo(&winners[0], NOW).await.unwrap(), "given back once");
    let used = tx.promo_use(&id, &sale.client).await.unwrap();
    assert_eq!(
        (used.total, used.by_client),
        (0, 0),
        "an abandoned checkout frees the use"
    );
    assert!(tx.take_promo_use(&id).await.unwrap());
    tx.use_promo(&winners[0], NOW).await.unwrap();
    tx.use_promo(&winners[0], NOW).await.unwrap();
    let report = tx.promo_report(&id).await.unwrap();
    let sum = store::PromoSum {
        discount: rub(10_000),
        revenue: PRICE,
    };
    assert_eq!((report.used, report.sums.as_slice()), (1, [sum].as_slice()));
    assert_eq!(
        tx.promo_use(&id, &sale.client).await.unwrap().total,
        2,
        "paid late, the price stands"
    );
    let mut stored = tx.find_promo_code(&id).await.unwrap().unwrap();
    stored.code.is_active = false;
    tx.update_promo_code(&stored).await.unwrap();
    assert!(tx.update_promo_code(&stored).await.is_err());
    assert!(!tx.take_promo_use(&id).await.unwrap());
    assert_eq!(
        tx.list_promo_codes(Some("осень"), &page(9)).await.unwrap().items.len(),
        1
    );
}

pub async fn the_catalogue_reads_back_as_saved(world: &World) {
    let client = world.some_client().await.id;
    let share = |value| domain::money::BasisPoints::new(value).unwrap();
    let product = Product {
        is_monthly: true,
        is_addon: true,
        packages: vec![(3, share(1_000)), (6, share(1_500))],
        active_to: Some(NOW.plus_minutes(1)),
        ..world.a_product()
    };
    let mut tx = world.write().await;
    assert!(tx.save_product(&product).await.unwrap());
    let mut saved = tx.find_product(&product.id).await.unwrap().unwrap();
    assert_eq!(
        saved,
        Product {
            version: 1,
            ..product.clone()
        }
    );
    assert!(saved.is_on_sale(NOW) && !saved.is_on_sale(NOW.plus_minutes(1)));
    let discounts = [1, 3, 5, 12].map(|months| saved.months_discount(months));
    assert_eq!(
        discounts,
        [None, Some(share(1_000)), Some(share(1_000)), Some(share(1_500))]
    );
    assert_eq!(tx.products().await.unwrap(), [saved.clone()]);
    saved.archived_at = Some(NOW);
    saved.packages.clear();
    assert!(tx.save_product(&saved).await.unwrap());
    assert_eq!(tx.products().await.unwrap(), []);
    assert_eq!(tx.list_products(&page(9)).await.unwrap().items.len(), 1);
    let mut discount = store::ClientDiscount {
        basis_points: share(1_500),
        note: Some("подруга".to_owned()),
        ends_at: None,
        version: 0,
    };
    tx.save_client_discount(&client, &discount, NOW).await.unwrap();
    discount.version = 1;
    assert_eq!(tx.client_discount(&client).await.unwrap(), Some(discount.clone()));
    tx.save_client_discount(&client, &discount, NOW).await.unwrap();
    assert!(tx.save_client_discount(&client, &discount, NOW).await.is_err());
}
