//! Builders of sales: a client, a product, an order that waits, a payment.

use domain::ids::{ClientId, OrderId, PaymentId, RefundId};
use domain::language::Language;
use domain::ledger::{self, Transfer};
use domain::money::{Currency, Money};
use domain::pricing::{self, Inquiry, PricedLine, Stacking};
use domain::promo::{Discount, PromoCode};
use domain::refund::RefundOrigin;
use store::{NewOrder, NewPayment, NewRefund, NewTransfer, OrderLine, Product, RefundPart, StoredPromoCode, Tx};

use crate::world::{NOW, World};

pub const PRICE: Money = Money::new(100_000, Currency::Rub);
pub const PROVIDER: &str = "yookassa";

pub struct Sale {
    pub client: ClientId,
    pub product: Product,
    pub order: NewOrder,
    pub payment: NewPayment,
}

pub fn rub(minor: i64) -> Money {
    Money::new(minor, Currency::Rub)
}

pub fn an_order(world: &World, client: &ClientId, product: &Product) -> NewOrder {
    let lines = [PricedLine {
        product: product.id.clone(),
        unit_price: product.price,
        quantity: 1,
        months_discount: None,
    }];
    let breakdown = pricing::price(&Inquiry {
        lines: &lines,
        personal: None,
        loyalty: None,
        promo: None,
        stacking: Stacking::BestOne,
        minimum: None,
    })
    .unwrap();
    let line = OrderLine {
        position: 0,
        product: product.id.clone(),
        title: product.title.clone(),
        delivery: product.delivery.clone(),
        grants: product.grants.clone(),
        quantity: 1,
        is_monthly: false,
        unit_price: product.price,
        list: product.price,
        discount: rub(0),
        total: product.price,
        refunded: rub(0),
        tax: product.tax,
    };
    NewOrder {
        id: world.id(),
        client: client.clone(),
        channel: "telegram",
        language: Language::Ru,
        breakdown,
        lines: vec![line],
        promo_code: None,
        expires_at: NOW.plus_minutes(60),
        now: NOW,
    }
}

pub fn a_payment(world: &World, order: &NewOrder) -> NewPayment {
    NewPayment {
        id: world.id(),
        order: order.id.clone(),
        client: order.client.clone(),
        provider: PROVIDER.to_owned(),
        amount: order.breakdown.total,
        is_test: false,
        actor: "client".to_owned(),
        note: Some("из чата".to_owned()),
        next_poll_at: Some(NOW.plus_minutes(1)),
        now: NOW,
    }
}

/// A product at [`PRICE`], an order of it that waits, and its live payment.
pub async fn a_sale(world: &World) -> Sale {
    let client = world.some_client().await.id;
    let product = Product {
        price: PRICE,
        ..world.a_product()
    };
    let order = an_order(world, &client, &product);
    let payment = a_payment(world, &order);
    let mut tx = world.write().await;
    assert!(tx.save_product(&product).await.unwrap());
    tx.insert_order(&order).await.unwrap();
    assert!(tx.insert_payment(&payment).await.unwrap());
    tx.commit().await.unwrap();
    Sale {
        client,
        product,
        order,
        payment,
    }
}

pub fn a_transfer(world: &World, client: &ClientId, transfer: Transfer) -> NewTransfer {
    NewTransfer {
        id: world.id(),
        transfer,
        client: client.clone(),
        request_id: world.id(),
        now: NOW,
    }
}

pub fn paid_in(world: &World, client: &ClientId, payment: &PaymentId, amount: Money) -> NewTransfer {
    let transfer = ledger::payment_succeeded(payment, PROVIDER, client, amount).unwrap();
    a_transfer(world, client, transfer)
}

pub fn charged(world: &World, client: &ClientId, order: &OrderId, product: &Product, amount: Money) -> NewTransfer {
    let transfer = ledger::order_charged(order, client, &[(product.id.clone(), amount)]).unwrap();
    a_transfer(world, client, transfer)
}

/// Everything that a successful payment writes into the books.
pub async fn settle(world: &World, tx: &mut Tx, sale: &Sale) {
    let (client, amount) = (&sale.client, sale.order.breakdown.total);
    assert!(
        tx.settle_payment(&sale.payment.id, amount, None, None, NOW)
            .await
            .unwrap()
    );
    assert!(tx.pay_order(&sale.order.id, NOW).await.unwrap());
    let transfers = [
        paid_in(world, client, &sale.payment.id, amount),
        charged(world, client, &sale.order.id, &sale.product, amount),
    ];
    assert_eq!(tx.post(&transfers).await.unwrap(), [true, true]);
}

pub fn a_refund(world: &World, sale: &Sale, minor: i64) -> NewRefund {
    NewRefund {
        id: world.id::<RefundId>(),
        payment: sale.payment.id.clone(),
        order: sale.order.id.clone(),
        client: sale.client.clone(),
        amount: rub(minor),
        parts: vec![RefundPart {
            position: 0,
            amount_minor: minor,
        }],
        reason: "передумал".to_owned(),
        actor: "us_1".to_owned(),
        origin: RefundOrigin::Here,
        now: NOW,
    }
}

pub fn a_promo_code(world: &World, total_limit: Option<u32>) -> StoredPromoCode {
    let id: domain::ids::PromoCodeId = world.id();
    StoredPromoCode {
        label: format!("Start {id}"),
        code: PromoCode {
            code: domain::promo::normalize(&format!("START{id}")),
            id,
            discount: Discount::Sum { amount: rub(10_000) },
            starts_at: None,
            ends_at: None,
            total_limit,
            per_client_limit: None,
            is_first_order_only: false,
            products: Vec::new(),
            clients: Vec::new(),
            minimum: None,
            is_active: true,
        },
        batch: Some("осень".to_owned()),
        note: "для блогера".to_owned(),
        uses: 0,
        created_at: NOW,
        version: 1,
    }
}
