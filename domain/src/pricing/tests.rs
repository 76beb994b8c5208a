use proptest::prelude::*;

use super::*;
use crate::ids::Id;
use crate::promo::tests::{a_code, percent};

fn rub(minor: i64) -> Money {
    Money::new(minor, Currency::Rub)
}

fn share(value: u16) -> BasisPoints {
    BasisPoints::new(value).unwrap()
}

fn product(number: u8) -> ProductId {
    ProductId::from_parts(u64::from(number), [number; 10])
}

fn line(minor: i64) -> PricedLine {
    PricedLine {
        product: product(1),
        unit_price: rub(minor),
        quantity: 1,
        months_discount: None,
    }
}

fn inquiry(lines: &[PricedLine]) -> Inquiry<'_> {
    Inquiry {
        lines,
        personal: None,
        loyalty: None,
        promo: None,
        stacking: Stacking::BestOne,
        minimum: None,
    }
}

#[test]
fn only_the_best_discount_applies_and_the_others_are_named() {
    let lines = [PricedLine {
        months_discount: Some(share(1_000)),
        ..line(100_000)
    }];
    let code = a_code(percent(2_000));
    let breakdown = price(&Inquiry {
        personal: Some(share(1_500)),
        promo: Some(&code),
        ..inquiry(&lines)
    })
    .unwrap();
    assert_eq!(breakdown.total, rub(80_000));
    assert_eq!(breakdown.used_promo(), Some(&code.id));
    let told: Vec<_> = breakdown
        .candidates
        .iter()
        .map(|c| (c.kind, c.amount.minor, c.outcome.clone()))
        .collect();
    let lost = Outcome::Lost {
        to: DiscountKind::Promo,
    };
    assert_eq!(
        told,
        [
            (DiscountKind::Months, 10_000, lost.clone()),
            (DiscountKind::Personal, 15_000, lost),
            (DiscountKind::Promo, 20_000, Outcome::Applied),
        ]
    );
}

#[test]
fn of_equal_discounts_the_clients_code_is_kept_for_another_day() {
    let lines = [PricedLine {
        months_discount: Some(share(2_000)),
        ..line(100_000)
    }];
    let code = a_code(percent(2_000));
    let breakdown = price(&Inquiry {
        personal: Some(share(2_000)),
        loyalty: Some(share(2_000)),
        promo: Some(&code),
        ..inquiry(&lines)
    })
    .unwrap();
    let applied: Vec<_> = breakdown.applied().map(|candidate| candidate.kind).collect();
    assert_eq!(applied, [DiscountKind::Months]);
    assert_eq!(breakdown.used_promo(), None);
}

#[test]
fn a_tenant_may_let_discounts_add_up() {
    let lines = [PricedLine {
        months_discount: Some(share(1_000)),
        ..line(100_000)
    }];
    let code = a_code(Discount::Sum { amount: rub(5_000) });
    let breakdown = price(&Inquiry {
        personal: Some(share(1_500)),
        promo: Some(&code),
        stacking: Stacking::AllInTurn,
        ..inquiry(&lines)
    })
    .unwrap();
    assert_eq!(breakdown.total, rub(100_000 - 10_000 - 13_500 - 5_000));
    assert_eq!(breakdown.applied().count(), 3);
}

#[test]
fn a_fixed_discount_takes_what_there_is_and_carries_nothing_over() {
    let lines = [line(30_000)];
    let code = a_code(Discount::Sum { amount: rub(50_000) });
    let breakdown = price(&Inquiry {
        promo: Some(&code),
        minimum: Some(rub(100)),
        ..inquiry(&lines)
    })
    .unwrap();
    assert_eq!((breakdown.total, breakdown.discount_total), (rub(0), rub(30_000)));
    assert_eq!(breakdown.raised_from, None, "nothing to pay is nothing to charge");
}

#[test]
fn small_amounts_round_half_up_and_stay_above_zero() {
    let ten = a_code(percent(1_000));
    let lines = [line(9_999)];
    assert_eq!(
        price(&Inquiry {
            promo: Some(&ten),
            ..inquiry(&lines)
        })
        .unwrap()
        .total,
        rub(8_999)
    );
    let third = a_code(percent(3_300));
    let lines = [line(1)];
    let breakdown = price(&Inquiry {
        promo: Some(&third),
        ..inquiry(&lines)
    })
    .unwrap();
    assert_eq!(
        (breakdown.total, breakdown.used_promo()),
        (rub(1), None),
        "a code that takes nothing is not used"
    );
}

#[test]
fn a_price_below_the_providers_minimum_is_raised_and_says_so() {
    let lines = [line(10_000)];
    let code = a_code(percent(9_950));
    let breakdown = price(&Inquiry {
        promo: Some(&code),
        minimum: Some(rub(100)),
        ..inquiry(&lines)
    })
    .unwrap();
    assert_eq!((breakdown.total, breakdown.raised_from), (rub(100), Some(rub(50))));
    assert_eq!(breakdown.lines[0].discount, rub(9_900));
}

#[test]
fn a_code_for_another_product_or_sum_is_refused_by_name() {
    let lines = [line(30_000)];
    let refused = |code: &PromoCode| {
        let breakdown = price(&Inquiry {
            promo: Some(code),
            ..inquiry(&lines)
        })
        .unwrap();
        assert_eq!(breakdown.total, rub(30_000));
        match &breakdown.candidates[0].outcome {
            Outcome::Refused { refusal } => refusal.code(),
            other => panic!("{other:?}"),
        }
    };
    let plain = a_code(percent(1_000));
    assert_eq!(
        refused(&PromoCode {
            products: vec![product(2)],
            ..plain.clone()
        }),
        "promo_other_product"
    );
    assert_eq!(
        refused(&PromoCode {
            minimum: Some(rub(30_001)),
            ..plain.clone()
        }),
        "promo_below_minimum"
    );
    let euros = Money::new(1, Currency::Eur);
    assert_eq!(
        refused(&PromoCode {
            minimum: Some(euros),
            ..plain
        }),
        "promo_other_currency"
    );
    assert_eq!(
        refused(&a_code(Discount::Sum { amount: euros })),
        "promo_other_currency"
    );
}

#[test]
fn a_code_for_one_product_leaves_the_other_lines_alone() {
    let lines = [
        line(30_000),
        PricedLine {
            product: product(2),
            ..line(70_000)
        },
    ];
    let code = PromoCode {
        products: vec![product(2)],
        ..a_code(percent(5_000))
    };
    let breakdown = price(&Inquiry {
        promo: Some(&code),
        ..inquiry(&lines)
    })
    .unwrap();
    let totals: Vec<i64> = breakdown.lines.iter().map(|line| line.total.minor).collect();
    assert_eq!(totals, [30_000, 35_000]);
}

#[test]
fn an_order_of_two_currencies_of_nothing_or_of_negative_prices_is_refused() {
    let mixed = [
        line(100),
        PricedLine {
            unit_price: Money::new(100, Currency::Eur),
            ..line(100)
        },
    ];
    assert!(matches!(
        price(&inquiry(&mixed)),
        Err(PricingError::Money(MoneyError::TwoCurrencies { .. }))
    ));
    assert_eq!(price(&inquiry(&[])), Err(PricingError::NoLines));
    assert_eq!(price(&inquiry(&[line(-1)])), Err(PricingError::BadLine));
    assert_eq!(
        price(&inquiry(&[PricedLine { quantity: 0, ..line(1) }])),
        Err(PricingError::BadLine)
    );
    assert_eq!(
        price(&inquiry(&[PricedLine {
            quantity: 2,
            ..line(i64::MAX)
        }])),
        Err(PricingError::Money(MoneyError::Overflow))
    );
}

fn a_discount() -> impl Strategy<Value = Discount> {
    prop_oneof![
        (0_u16..=10_000).prop_map(percent),
        (0_i64..200_000_000).prop_map(|minor| Discount::Sum { amount: rub(minor) }),
    ]
}

proptest! {
    #[test]
    fn a_breakdown_adds_up_and_never_goes_below_zero(
        prices in prop::collection::vec((0_i64..100_000_000, 1_u32..24, prop::option::of(0_u16..=10_000), 1_u8..4), 1..6),
        personal in prop::option::of(0_u16..=10_000),
        loyalty in prop::option::of(0_u16..=10_000),
        discount in prop::option::of(a_discount()),
        only in prop::option::of(1_u8..4),
        stacks: bool,
        minimum in prop::option::of(0_i64..1_000),
    ) {
        let lines: Vec<PricedLine> = prices
            .iter()
            .map(|(minor, quantity, months, number)| PricedLine {
                product: product(*number),
                unit_price: rub(*minor),
                quantity: *quantity,
                months_discount: months.map(share),
            })
            .collect();
        let code = discount.map(|discount| PromoCode { products: only.map(product).into_iter().collect(), ..a_code(discount) });
        let breakdown = price(&Inquiry {
            lines: &lines,
            personal: personal.map(share),
            loyalty: loyalty.map(share),
            promo: code.as_ref(),
            stacking: if stacks { Stacking::AllInTurn } else { Stacking::BestOne },
            minimum: minimum.map(rub),
        })
        .unwrap();
        let sum = |of: fn(&BreakdownLine) -> i64| breakdown.lines.iter().map(of).sum::<i64>();
        prop_assert_eq!(sum(|line| line.total.minor), breakdown.total.minor);
        prop_assert_eq!(sum(|line| line.discount.minor), breakdown.discount_total.minor);
        prop_assert_eq!(sum(|line| line.list.minor), breakdown.list_total.minor);
        prop_assert_eq!(breakdown.list_total.minor - breakdown.discount_total.minor, breakdown.total.minor);
        for line in &breakdown.lines {
            prop_assert!(line.total.minor >= 0 && line.discount.minor >= 0);
        }
        if !stacks {
            prop_assert!(breakdown.applied().count() <= 1);
            let best = breakdown.candidates.iter().map(|candidate| candidate.amount.minor).max().unwrap_or(0);
            if breakdown.raised_from.is_none() {
                prop_assert_eq!(breakdown.discount_total.minor, best);
            }
        }
        if let (Some(minimum), true) = (minimum, breakdown.total.minor > 0) {
            prop_assert!(breakdown.total.minor >= minimum.min(breakdown.list_total.minor));
        }
    }
}
