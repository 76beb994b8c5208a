//! Whether money is taken inside Telegram, and how; the setting `telegram_payments`. It is sealed as a whole, for it holds
//! the bank's token.

use domain::language::Localized;
use domain::money::{Currency, Money};
use domain::stars;
use serde::{Deserialize, Serialize};
use store::Tx;

use super::read;
use super::wording::ApiKey;
use crate::error::Result;

pub const TELEGRAM_PAYMENTS: &str = "telegram_payments";

/// The bank that was connected in BotFather.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Bank {
    /// Its tax receipts go along with the bill.
    #[default]
    Yookassa,
    /// Another one: its form of receipts is not known here.
    Other,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TelegramPayments {
    /// Telegram Stars are taken.
    pub stars: bool,
    /// What a hundred Stars bring the owner; the price in Stars is made from it.
    pub hundred_stars: Money,
    /// Cards are taken through the bank connected in BotFather.
    pub cards: bool,
    #[serde(default)]
    pub provider_token: ApiKey,
    #[serde(default)]
    pub bank: Bank,
    /// As the tax office numbers them, for receipts: 1 to 6.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tax_system: Option<u8>,
}

impl Default for TelegramPayments {
    fn default() -> Self {
        Self {
            stars: false,
            // About what Telegram pays out for them; the owner knows better.
            hundred_stars: Money::new(10_000, Currency::Rub),
            cards: false,
            provider_token: ApiKey::default(),
            bank: Bank::default(),
            tax_system: None,
        }
    }
}

impl TelegramPayments {
    pub async fn load(tx: &mut Tx) -> Result<Self> {
        Ok(read(tx, TELEGRAM_PAYMENTS).await?.unwrap_or_default())
    }

    pub fn takes_cards(&self) -> bool {
        self.cards && self.provider_token.is_set()
    }

    pub fn takes_money(&self) -> bool {
        self.stars || self.takes_cards()
    }

    /// `None`: this price can't be paid in Stars.
    pub fn in_stars(&self, price: Money) -> Option<Money> {
        if self.stars {
            stars::price(price, self.hundred_stars)
        } else {
            None
        }
    }

    /// BotFather's tokens say so in their middle: `401643678:TEST:…`.
    pub fn is_test(&self) -> bool {
        self.provider_token.reveal().contains(":TEST:")
    }

    /// What an owner has to know before they switch something on.
    pub fn notice() -> Localized {
        Localized::new(
            "Правила Telegram: цифровые товары и услуги внутри Telegram (программы, планы, онлайн-курсы) можно \
             продавать только за звёзды; карта внутри Telegram — для вещей и услуг вне цифры. За нарушение бота могут \
             отключить. Оплата по ссылке на странице ЮKassa или Т-Банка открывается в браузере и идёт мимо Telegram; \
             этот риск вы берёте на себя. Цена в звёздах считается по курсу ниже и округляется вверх до целой звезды. \
             Звёзды возвращаются только целиком, деньги с карты — вручную в кабинете банка.",
            "Telegram's rules: digital goods and services inside Telegram (programmes, plans, online courses) may be \
             sold for Stars only; cards inside Telegram are for physical goods and services. Bots that break this may \
             be switched off. Paying by a link on YooKassa's or T-Bank's page happens in the browser, outside \
             Telegram, at your own risk. The price in Stars follows from the rate below and is rounded up to a whole \
             Star. Stars can be given back only in full, card payments by hand in the bank's account.",
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_switched_on_by_itself() {
        let usual = TelegramPayments::default();
        assert!(!usual.takes_money());
        assert_eq!(usual.in_stars(Money::new(100, Currency::Rub)), None);
        let without_token = TelegramPayments { cards: true, ..usual };
        assert!(!without_token.takes_cards());
    }

    #[test]
    fn the_token_does_not_show() {
        let setting = TelegramPayments {
            provider_token: ApiKey::new("401643678:TEST:very-secret"),
            ..TelegramPayments::default()
        };
        assert!(setting.is_test());
        assert!(!format!("{setting:?}").contains("secret"));
    }
}
