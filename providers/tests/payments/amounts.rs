use domain::money::{Currency, Money};
use proptest::strategy::{Strategy as _, ValueTree as _};
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};

use crate::world::{Kind, World, line, receipt, rub};

const RUNS: usize = 120;

/// Random sums, there and back, through opening, receipt and refund: nothing is ever a hundred times itself.
pub async fn sums_arrive_as_they_were_sent(world: World) {
    let currencies: &[Currency] = match world.kind {
        Kind::YooKassa => &[Currency::Rub, Currency::Usd, Currency::Eur, Currency::Kzt],
        Kind::TBank => &[Currency::Rub],
    };
    let sums = proptest::prop_oneof![100_i64..2_000, 1_000_i64..100_000, 100_000_i64..35_000_000];
    let mut runner = TestRunner::deterministic();
    for run in 0..RUNS {
        let minor = sums.new_tree(&mut runner).unwrap().current();
        let share = (1..100_i64).new_tree(&mut runner).unwrap().current();
        let currency = currencies[run % currencies.len()];
        let mut intent = world.intent().await;
        intent.amount = Money::new(minor, currency);
        if currency == Currency::Rub && run % 2 == 0 {
            let first = (minor * share / 100).clamp(1, minor - 1);
            intent.receipt = Some(receipt(vec![line("A", first), line("B", minor - first)]));
        }
        let paid = world.paid(&intent).await;
        assert_eq!(paid.amount, intent.amount);
        let there = world.bank().payment(&paid.id).await.unwrap();
        assert_eq!((there.amount_minor, there.paid_minor), (minor, minor));
        assert_eq!(there.currency, currency.code());
        let back = (minor * share / 100).max(1);
        let mut refund = world.refund_of(&paid, back);
        refund.amount = Money::new(back, currency);
        refund.is_whole = back == minor;
        refund.receipt = intent.receipt.as_ref().map(|_| receipt(vec![line("A", back)]));
        world.provider.refund(&refund).await.unwrap();
        let there = world.bank().payment(&paid.id).await.unwrap();
        assert_eq!(there.refunded_minor, back, "{minor} {share}");
    }
}

/// 100 roubles are the text `"100.00"` at YooKassa and the number 10000 at T-Bank.
pub async fn wire_amounts_are_spelled_as_the_provider_spells_them(world: World) {
    let mut intent = world.intent().await;
    intent.amount = rub(10_000);
    intent.receipt = Some(receipt(vec![line("A", 9_995), line("B", 5)]));
    world.open(&intent).await;
    let calls = world.bank().calls().await.unwrap();
    let request = |name: &str| -> Value {
        let call = calls.iter().rev().find(|call| call["call"] == name).unwrap();
        call["request"].clone()
    };
    let request = request(world.kind.opening());
    match world.kind {
        Kind::YooKassa => {
            assert_eq!(request["amount"], json!({ "value": "100.00", "currency": "RUB" }));
            let items = &request["receipt"]["items"];
            assert_eq!(items[0]["amount"]["value"], "99.95");
            assert_eq!(
                (&items[1]["amount"]["value"], &items[1]["quantity"]),
                (&json!("0.05"), &json!(1))
            );
        }
        Kind::TBank => {
            assert_eq!(request["Amount"], 10_000);
            assert_eq!(request["Receipt"]["Items"][1]["Price"], 5);
            assert_eq!(request["Receipt"]["Items"][1]["Amount"], 5);
        }
    }
}
