//! The three spellings of an amount (case 2): a text at YooKassa, an integer of minor units at T-Bank, minor units with
//! their currency in our API. Whoever takes one for another is found out, in every currency.

use domain::money::{Currency, Money};
use proptest::prelude::*;

fn any_money() -> impl Strategy<Value = Money> {
    let sums = prop_oneof![1_i64..1_000, 1_000_i64..10_000_000, 10_000_000_i64..1_000_000_000_000];
    (sums, prop::sample::select(Currency::ALL.to_vec())).prop_map(|(minor, currency)| Money::new(minor, currency))
}

/// Digits after the point by ISO 4217, said once more and apart from the code under test.
fn iso_digits(currency: Currency) -> u32 {
    match currency.code() {
        "JPY" | "XTR" => 0,
        "KWD" => 3,
        _ => 2,
    }
}

#[test]
fn a_hundred_roubles_yen_and_dinars() {
    for (minor, currency, decimal) in [
        (10_000, Currency::Rub, "100.00"),
        (100, Currency::Jpy, "100"),
        (100_000, Currency::Kwd, "100.000"),
    ] {
        let money = Money::new(minor, currency);
        assert_eq!(money.to_decimal(), decimal);
        let ours = serde_json::to_value(money).unwrap();
        assert_eq!(
            ours,
            serde_json::json!({ "amount_minor": minor, "currency": currency.code() })
        );
    }
}

proptest! {
    #[test]
    fn each_spelling_reads_back_and_none_is_taken_for_another(money in any_money()) {
        let (text, integer) = (money.to_decimal(), money.minor);
        prop_assert_eq!(Money::from_decimal(&text, money.currency), Ok(money));
        let ours = serde_json::to_string(&money).unwrap();
        prop_assert_eq!(serde_json::from_str::<Money>(&ours).unwrap(), money);
        let after_point = text.split_once('.').map_or(0, |(_, fraction)| fraction.len());
        prop_assert_eq!(after_point, usize::try_from(iso_digits(money.currency)).unwrap());

        let hundredfold = Money::new(money.minor * 100, money.currency);
        prop_assert_ne!(hundredfold.to_decimal(), text.clone());
        // Minor units sent where a decimal is read.
        let minor_as_decimal = Money::from_decimal(&integer.to_string(), money.currency);
        // A decimal's digits sent where minor units are read, as if every currency had two.
        let always_two = Money::from_decimal(&format!("{}.{:02}", integer / 100, integer % 100), money.currency);
        match iso_digits(money.currency) {
            0 => prop_assert_ne!(always_two, Ok(money)),
            2 => prop_assert_ne!(minor_as_decimal, Ok(money)),
            _ => {
                prop_assert_ne!(minor_as_decimal, Ok(money));
                prop_assert_ne!(always_two, Ok(money));
            }
        }
    }
}
