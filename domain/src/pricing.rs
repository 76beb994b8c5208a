//! What an order costs, and why: one pure function for bot, checkout, order page and receipt.
//!
//! Candidates, in the order of preference when they take off the same: months, personal, loyalty, promo code. So a
//! client's code is kept for another day when something else is just as good. Only the best one applies; a tenant may
//! let them add up, then each takes its share of what the earlier ones left, in the same order.
//!
//! A discount is computed once on the sum it applies to and then split over the lines without losing a minor unit.

use serde::{Deserialize, Serialize};

use crate::ids::{ProductId, PromoCodeId};
use crate::money::{BasisPoints, Currency, Money, MoneyError};
use crate::profile::coded_enum;
use crate::promo::{Discount, PromoCode, PromoRefusal};

/// What is asked for, at list price.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PricedLine {
    pub product: ProductId,
    /// For one unit.
    pub unit_price: Money,
    /// Months for what is sold by the month, else pieces; at least 1.
    pub quantity: u32,
    /// The product's own discount for this number of months.
    pub months_discount: Option<BasisPoints>,
}

#[derive(Debug, Clone)]
pub struct Inquiry<'a> {
    pub lines: &'a [PricedLine],
    pub personal: Option<BasisPoints>,
    pub loyalty: Option<BasisPoints>,
    /// A code that [`PromoCode::check`] has let through.
    pub promo: Option<&'a PromoCode>,
    pub stacking: Stacking,
    /// What a provider charges at least; a smaller price above zero is raised to it, and says so.
    pub minimum: Option<Money>,
}

coded_enum! {
    /// Whether discounts add up.
    Stacking { BestOne => "best_one", AllInTurn => "all_in_turn" }
}

coded_enum! {
    /// In the order of preference.
    DiscountKind { Months => "months", Personal => "personal", Loyalty => "loyalty", Promo => "promo" }
}

/// The price as it was agreed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Breakdown {
    pub lines: Vec<BreakdownLine>,
    pub list_total: Money,
    pub discount_total: Money,
    pub total: Money,
    /// Every discount that was looked at, in the order of preference.
    pub candidates: Vec<Candidate>,
    /// What the price was before it was raised to the provider's minimum.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub raised_from: Option<Money>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BreakdownLine {
    pub product: ProductId,
    pub quantity: u32,
    pub unit_price: Money,
    pub list: Money,
    pub discount: Money,
    pub total: Money,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Candidate {
    pub kind: DiscountKind,
    /// What it takes off, or would have taken off alone.
    pub amount: Money,
    pub outcome: Outcome,
    /// The share, where there is one for the whole order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub basis_points: Option<BasisPoints>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub promo_code: Option<PromoCodeId>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Outcome {
    Applied,
    /// Another one is better, or as good and preferred.
    Lost {
        to: DiscountKind,
    },
    Refused {
        refusal: PromoRefusal,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PricingError {
    #[error("an order needs at least one line")]
    NoLines,
    #[error("a line has no quantity, or a negative price")]
    BadLine,
    #[error(transparent)]
    Money(#[from] MoneyError),
}

impl Breakdown {
    pub fn applied(&self) -> impl Iterator<Item = &Candidate> {
        self.candidates
            .iter()
            .filter(|candidate| candidate.outcome == Outcome::Applied)
    }

    /// The code whose use this price takes, if any.
    pub fn used_promo(&self) -> Option<&PromoCodeId> {
        self.applied().find_map(|candidate| candidate.promo_code.as_ref())
    }
}

/// Prices an order.
/// Errors: [`PricingError`]; two currencies in one order are refused.
pub fn price(inquiry: &Inquiry<'_>) -> Result<Breakdown, PricingError> {
    let first = inquiry.lines.first().ok_or(PricingError::NoLines)?;
    let currency = first.unit_price.currency;
    let mut list = Vec::with_capacity(inquiry.lines.len());
    for line in inquiry.lines {
        if line.quantity == 0 || line.unit_price.minor < 0 {
            return Err(PricingError::BadLine);
        }
        list.push(line.unit_price.checked_times(line.quantity)?);
    }
    let list_total = Money::sum(currency, list.iter().copied())?;

    let offers = Offers { inquiry, currency };
    let mut left = list.clone();
    let mut candidates = Vec::new();
    match inquiry.stacking {
        Stacking::BestOne => {
            let mut best: Option<(DiscountKind, Cut)> = None;
            for kind in DiscountKind::ALL.iter().copied() {
                let Some(offer) = offers.of(kind, &list)? else { continue };
                let cut = match &offer.verdict {
                    Ok(cut) if cut.total.is_positive() => cut.clone(),
                    Ok(_) => continue,
                    Err(_) => {
                        candidates.push(offer.candidate());
                        continue;
                    }
                };
                candidates.push(offer.candidate());
                if best
                    .as_ref()
                    .is_none_or(|(_, leader)| cut.total.minor > leader.total.minor)
                {
                    best = Some((kind, cut));
                }
            }
            if let Some((winner, cut)) = best {
                left = subtract(&left, &cut.parts)?;
                for candidate in &mut candidates {
                    if candidate.kind != winner && candidate.outcome == Outcome::Applied {
                        candidate.outcome = Outcome::Lost { to: winner };
                    }
                }
            }
        }
        Stacking::AllInTurn => {
            for kind in DiscountKind::ALL.iter().copied() {
                let Some(offer) = offers.of(kind, &left)? else { continue };
                match &offer.verdict {
                    Ok(cut) if cut.total.is_positive() => left = subtract(&left, &cut.parts)?,
                    Ok(_) => continue,
                    Err(_) => {}
                }
                candidates.push(offer.candidate());
            }
        }
    }

    let mut total = Money::sum(currency, left.iter().copied())?;
    let mut raised_from = None;
    if let Some(minimum) = inquiry.minimum
        && total.is_positive()
        && total.checked_sub(minimum)?.minor < 0
        && list_total.checked_sub(minimum)?.minor >= 0
    {
        raised_from = Some(total);
        let missing = minimum.checked_sub(total)?;
        left = raise(&left, &list, missing)?;
        total = minimum;
    }
    let lines = inquiry
        .lines
        .iter()
        .zip(list.iter().zip(&left))
        .map(|(line, (list, left))| {
            Ok(BreakdownLine {
                product: line.product.clone(),
                quantity: line.quantity,
                unit_price: line.unit_price,
                list: *list,
                discount: list.checked_sub(*left)?,
                total: *left,
            })
        })
        .collect::<Result<Vec<_>, MoneyError>>()?;
    Ok(Breakdown {
        lines,
        list_total,
        discount_total: list_total.checked_sub(total)?,
        total,
        candidates,
        raised_from,
    })
}

/// What one discount takes off each line.
#[derive(Debug, Clone)]
struct Cut {
    parts: Vec<Money>,
    total: Money,
}

struct Offer {
    kind: DiscountKind,
    verdict: Result<Cut, PromoRefusal>,
    basis_points: Option<BasisPoints>,
    promo_code: Option<PromoCodeId>,
    currency: Currency,
}

impl Offer {
    fn candidate(&self) -> Candidate {
        let (amount, outcome) = match &self.verdict {
            Ok(cut) => (cut.total, Outcome::Applied),
            Err(refusal) => (
                Money::zero(self.currency),
                Outcome::Refused {
                    refusal: refusal.clone(),
                },
            ),
        };
        Candidate {
            kind: self.kind,
            amount,
            outcome,
            basis_points: self.basis_points,
            promo_code: self.promo_code.clone(),
        }
    }
}

struct Offers<'a> {
    inquiry: &'a Inquiry<'a>,
    currency: Currency,
}

impl Offers<'_> {
    /// What a kind of discount takes off `amounts`, one for each line; `None` where there is none of it.
    fn of(&self, kind: DiscountKind, amounts: &[Money]) -> Result<Option<Offer>, MoneyError> {
        let offer = |verdict, basis_points, promo_code| Offer {
            kind,
            verdict,
            basis_points,
            promo_code,
            currency: self.currency,
        };
        Ok(match kind {
            DiscountKind::Months => {
                let parts: Vec<Money> = self
                    .inquiry
                    .lines
                    .iter()
                    .zip(amounts)
                    .map(|(line, amount)| match line.months_discount {
                        Some(share) => amount.percent(share),
                        None => Money::zero(self.currency),
                    })
                    .collect();
                let shares: Vec<BasisPoints> = self
                    .inquiry
                    .lines
                    .iter()
                    .filter_map(|line| line.months_discount)
                    .collect();
                if shares.is_empty() {
                    return Ok(None);
                }
                let total = Money::sum(self.currency, parts.iter().copied())?;
                // One share for the whole order only if it is the only line.
                let share = (amounts.len() == 1).then(|| shares.first().copied()).flatten();
                Some(offer(Ok(Cut { parts, total }), share, None))
            }
            DiscountKind::Personal | DiscountKind::Loyalty => {
                let share = match kind {
                    DiscountKind::Personal => self.inquiry.personal,
                    _ => self.inquiry.loyalty,
                };
                match share {
                    Some(share) => {
                        let cut = self.cut(
                            amounts,
                            &vec![true; amounts.len()],
                            Discount::Percent { basis_points: share },
                        )?;
                        Some(offer(Ok(cut), Some(share), None))
                    }
                    None => None,
                }
            }
            DiscountKind::Promo => match self.inquiry.promo {
                Some(promo) => {
                    let share = match promo.discount {
                        Discount::Percent { basis_points } => Some(basis_points),
                        Discount::Sum { .. } => None,
                    };
                    let verdict = self.promo_cut(promo, amounts)?;
                    Some(offer(verdict, share, Some(promo.id.clone())))
                }
                None => None,
            },
        })
    }

    fn promo_cut(&self, promo: &PromoCode, amounts: &[Money]) -> Result<Result<Cut, PromoRefusal>, MoneyError> {
        let eligible: Vec<bool> = self
            .inquiry
            .lines
            .iter()
            .map(|line| promo.applies_to(&line.product))
            .collect();
        if !eligible.contains(&true) {
            return Ok(Err(PromoRefusal::OtherProduct));
        }
        let foreign = |amount: Money| amount.currency != self.currency;
        if let Discount::Sum { amount } = promo.discount
            && foreign(amount)
        {
            return Ok(Err(PromoRefusal::OtherCurrency));
        }
        if let Some(minimum) = promo.minimum {
            if foreign(minimum) {
                return Ok(Err(PromoRefusal::OtherCurrency));
            }
            let mut listed = Money::zero(self.currency);
            for (line, is_eligible) in self.inquiry.lines.iter().zip(&eligible) {
                if *is_eligible {
                    listed = listed.checked_add(line.unit_price.checked_times(line.quantity)?)?;
                }
            }
            if listed.minor < minimum.minor {
                return Ok(Err(PromoRefusal::BelowMinimum { minimum }));
            }
        }
        self.cut(amounts, &eligible, promo.discount).map(Ok)
    }

    fn cut(&self, amounts: &[Money], eligible: &[bool], discount: Discount) -> Result<Cut, MoneyError> {
        let weights: Vec<u64> = amounts
            .iter()
            .zip(eligible)
            .map(|(amount, is_eligible)| {
                if *is_eligible {
                    amount.minor.max(0).unsigned_abs()
                } else {
                    0
                }
            })
            .collect();
        let base = Money::sum(
            self.currency,
            amounts
                .iter()
                .zip(eligible)
                .filter(|(_, is_eligible)| **is_eligible)
                .map(|(amount, _)| *amount),
        )?;
        if !base.is_positive() {
            return Ok(Cut {
                parts: vec![Money::zero(self.currency); amounts.len()],
                total: Money::zero(self.currency),
            });
        }
        let total = match discount {
            Discount::Percent { basis_points } => base.percent(basis_points),
            Discount::Sum { amount } => base.at_most(amount)?,
        };
        Ok(Cut {
            parts: total.split(&weights)?,
            total,
        })
    }
}

fn subtract(amounts: &[Money], parts: &[Money]) -> Result<Vec<Money>, MoneyError> {
    amounts
        .iter()
        .zip(parts)
        .map(|(amount, part)| amount.checked_sub(*part))
        .collect()
}

/// Gives `missing` back to the lines, none above its list price.
fn raise(left: &[Money], list: &[Money], missing: Money) -> Result<Vec<Money>, MoneyError> {
    let rooms = subtract(list, left)?;
    let weights: Vec<u64> = rooms.iter().map(|room| room.minor.max(0).unsigned_abs()).collect();
    let parts = missing.split(&weights)?;
    left.iter()
        .zip(parts)
        .map(|(amount, part)| amount.checked_add(part))
        .collect()
}

#[cfg(test)]
mod tests;
