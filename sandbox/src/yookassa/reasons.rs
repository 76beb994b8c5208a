//! Why a payment is canceled, who says so, and which test card brings it about.

/// One `cancellation_details.reason` of a payment.
pub struct Reason {
    pub name: &'static str,
    pub party: &'static str,
    pub ru: &'static str,
    pub en: &'static str,
    /// The Visa of the test table that ends this way.
    pub card: Option<&'static str>,
}

const fn reason(
    name: &'static str,
    party: &'static str,
    ru: &'static str,
    en: &'static str,
    card: Option<&'static str>,
) -> Reason {
    Reason {
        name,
        party,
        ru,
        en,
        card,
    }
}

const NETWORK: &str = "payment_network";
const YOO: &str = "yoo_money";
const MERCHANT: &str = "merchant";

/// All reasons of the reference. The page offers those a payer can bring about.
pub const REASONS: [Reason; 23] = [
    reason(
        "insufficient_funds",
        NETWORK,
        "Не хватает денег",
        "Not enough money",
        Some("4562265587712390"),
    ),
    reason(
        "general_decline",
        NETWORK,
        "Отказ без причины",
        "Declined, no reason given",
        Some("4889971706588753"),
    ),
    reason(
        "call_issuer",
        NETWORK,
        "Позвоните в банк",
        "Call your bank",
        Some("4926946416239025"),
    ),
    reason(
        "3d_secure_failed",
        NETWORK,
        "Не прошла проверка 3-D Secure",
        "3-D Secure failed",
        Some("4839665499603842"),
    ),
    reason(
        "card_expired",
        NETWORK,
        "Карта просрочена",
        "The card has expired",
        Some("4141435412630840"),
    ),
    reason(
        "invalid_csc",
        NETWORK,
        "Неверный код CVC",
        "Wrong security code",
        Some("4194180666146368"),
    ),
    reason(
        "invalid_card_number",
        NETWORK,
        "Неверный номер карты",
        "Wrong card number",
        Some("4951017853630544"),
    ),
    reason(
        "fraud_suspected",
        NETWORK,
        "Банк подозревает мошенничество",
        "Fraud suspected by the bank",
        Some("4483274282299972"),
    ),
    reason(
        "fraud_suspected.yoo_money",
        YOO,
        "ЮKassa подозревает мошенничество",
        "Fraud suspected by YooKassa",
        Some("4119098878796485"),
    ),
    reason(
        "issuer_unavailable",
        NETWORK,
        "Банк не отвечает",
        "The bank is not available",
        Some("4654130848359150"),
    ),
    reason(
        "payment_method_limit_exceeded",
        NETWORK,
        "Лимит по карте исчерпан",
        "The card's limit is reached",
        Some("4565231022577548"),
    ),
    reason(
        "payment_method_restricted",
        NETWORK,
        "Операции по карте запрещены",
        "The card is restricted",
        Some("4233961169071671"),
    ),
    reason(
        "country_forbidden",
        YOO,
        "Карта этой страны не принимается",
        "Cards of this country are refused",
        Some("4969751510013864"),
    ),
    reason(
        "permission_revoked",
        YOO,
        "Согласие на автоплатежи отозвано",
        "Consent to repeated charges withdrawn",
        None,
    ),
    reason(
        "internal_timeout",
        YOO,
        "ЮKassa не успела",
        "YooKassa ran out of time",
        None,
    ),
    reason(
        "identification_required",
        YOO,
        "Нужна идентификация кошелька",
        "The wallet must be identified",
        None,
    ),
    reason(
        "unsupported_mobile_operator",
        NETWORK,
        "Оператор не поддерживается",
        "The mobile operator is not supported",
        None,
    ),
    reason(
        "loan_declined",
        NETWORK,
        "В кредите отказано",
        "The loan was declined",
        None,
    ),
    reason(
        "expired_on_confirmation",
        YOO,
        "Вышло время на оплату",
        "The time to pay is over",
        None,
    ),
    reason("expired_on_capture", YOO, "Вышел срок холда", "The hold ran out", None),
    reason(
        "canceled_by_merchant",
        MERCHANT,
        "Отменил магазин",
        "Canceled by the shop",
        None,
    ),
    reason("deal_expired", MERCHANT, "Вышел срок сделки", "The deal ran out", None),
    // Not in the reference: whoever reads reasons must survive one that is new.
    reason(
        "a_reason_from_the_future",
        YOO,
        "Причина, которой ещё нет",
        "A reason not invented yet",
        None,
    ),
];

/// Test cards by their numbers, beside those of the reasons: the rest of the published table.
const CARDS: [(&str, &str); 33] = [
    ("5555555555554477", "three_ds"),
    ("4793128161644804", "three_ds"),
    ("2200000000000004", "three_ds"),
    ("5555555555554444", "success"),
    ("4111111111111111", "success"),
    ("2202474301322987", "success"),
    ("6759649826438453", "success"),
    ("5555555555554592", "3d_secure_failed"),
    ("2200000000000012", "3d_secure_failed"),
    ("5555555555554535", "call_issuer"),
    ("2200000000000020", "call_issuer"),
    ("5555555555554543", "card_expired"),
    ("2200000000000038", "card_expired"),
    ("5555555555554568", "fraud_suspected"),
    ("2200000000000046", "fraud_suspected"),
    ("5555555555554634", "fraud_suspected.yoo_money"),
    ("2201696981989955", "fraud_suspected.yoo_money"),
    ("5555555555554527", "general_decline"),
    ("2202202212312379", "general_decline"),
    ("5555555555554600", "insufficient_funds"),
    ("2200000000000053", "insufficient_funds"),
    ("5555555555554618", "invalid_card_number"),
    ("2201382000000013", "invalid_card_number"),
    ("5555555555554626", "invalid_csc"),
    ("2200770212727079", "invalid_csc"),
    ("5555555555554501", "issuer_unavailable"),
    ("2201382000000021", "issuer_unavailable"),
    ("5555555555554576", "payment_method_limit_exceeded"),
    ("2201382000000039", "payment_method_limit_exceeded"),
    ("5555555555554550", "payment_method_restricted"),
    ("2201382000000047", "payment_method_restricted"),
    ("5555555555554584", "country_forbidden"),
    ("2201382000000054", "country_forbidden"),
];

pub fn find(name: &str) -> Option<&'static Reason> {
    REASONS.iter().find(|reason| reason.name == name)
}

/// What the test shop does with a card: `success`, `three_ds` or a reason. It takes no cards but those of its table.
pub fn outcome_of(number: &str) -> &'static str {
    CARDS
        .iter()
        .find(|(card, _)| *card == number)
        .map(|(_, outcome)| *outcome)
        .or_else(|| {
            REASONS
                .iter()
                .find(|reason| reason.card == Some(number))
                .map(|reason| reason.name)
        })
        .unwrap_or("invalid_card_number")
}
