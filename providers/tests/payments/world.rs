use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use domain::language::Language;
use domain::money::{Currency, Money};
use domain::order::{PaymentMode, PaymentSubject, TaxTreatment, Vat};
use domain::payment::{DeclineAdvice, Observation};
use domain::time::Timestamp;
use providers::networks::Networks;
use providers::payments::tbank::{self, TBank};
use providers::payments::yookassa::{self, YooKassa};
use providers::payments::{Capture, Contact, Intent, PaymentProvider, Receipt, ReceiptLine, RefundIntent, Seen};
use sandbox::Running;
use sandbox::driver::{Bank, BankDriver, MoneyState};
use serde_json::{Value, json};

/// The shop and the terminal that the sandbox knows from birth.
const SHOP: (&str, &str) = ("100500", "test_SANDBOX-demo-secret");
const TERMINAL: (&str, &str) = ("1699999999999DEMO", "SANDBOX-demo-password");
/// Nothing in the sandbox takes longer but what it is told to swallow.
const PATIENCE: Duration = Duration::from_secs(10);

static NAMES: AtomicU64 = AtomicU64::new(1);

/// A provider under test, and what is its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    YooKassa,
    TBank,
}

impl Kind {
    /// Reasons as the provider writes them, and what helps.
    pub fn declines(self) -> &'static [(&'static str, DeclineAdvice)] {
        use DeclineAdvice::{CheckCard, OtherMethod, TryAgain, TryLater};
        match self {
            Self::YooKassa => &[
                ("insufficient_funds", TryLater),
                ("payment_method_limit_exceeded", TryLater),
                ("card_expired", CheckCard),
                ("invalid_csc", CheckCard),
                ("invalid_card_number", CheckCard),
                ("3d_secure_failed", CheckCard),
                ("issuer_unavailable", TryAgain),
                ("call_issuer", OtherMethod),
                ("general_decline", OtherMethod),
                ("fraud_suspected", OtherMethod),
                ("country_forbidden", OtherMethod),
                ("payment_method_restricted", OtherMethod),
            ],
            Self::TBank => &[
                ("1051", TryLater),
                ("116", TryLater),
                ("103", TryLater),
                ("1061", TryLater),
                ("1075", TryLater),
                ("101", CheckCard),
                ("1054", CheckCard),
                ("1014", CheckCard),
                ("1082", CheckCard),
                ("1091", TryAgain),
                ("99", TryAgain),
                ("9999", TryAgain),
                ("1005", OtherMethod),
                ("1041", OtherMethod),
                ("1059", OtherMethod),
                ("600", OtherMethod),
                ("7777", OtherMethod),
            ],
        }
    }

    /// Tries on its page before a payment is over.
    pub fn tries(self) -> usize {
        match self {
            Self::YooKassa => 1,
            Self::TBank => 3,
        }
    }

    /// The sandbox's name of the call that reads a payment.
    pub fn reading(self) -> &'static str {
        match self {
            Self::YooKassa => "get_payment",
            Self::TBank => "GetState",
        }
    }

    /// The sandbox's name of the call that opens one.
    pub fn opening(self) -> &'static str {
        match self {
            Self::YooKassa => "create_payment",
            Self::TBank => "Init",
        }
    }

    pub fn refunding(self) -> &'static str {
        match self {
            Self::YooKassa => "create_refund",
            Self::TBank => "Cancel",
        }
    }

    pub fn charging(self) -> &'static str {
        match self {
            Self::YooKassa => "create_payment",
            Self::TBank => "Charge",
        }
    }

    pub fn unknown_payment(self) -> &'static str {
        match self {
            Self::YooKassa => "2f0a1b2c-000f-5000-9000-1d2e3f4a5b6c",
            Self::TBank => "4455667788",
        }
    }

    pub fn account(self) -> &'static str {
        match self {
            Self::YooKassa => SHOP.0,
            Self::TBank => TERMINAL.0,
        }
    }

    /// What makes it demand receipts.
    pub fn wants_receipts(self) -> Value {
        match self {
            Self::YooKassa => json!({ "fiscalization": true }),
            Self::TBank => json!({ "cash_register": true }),
        }
    }
}

pub struct World {
    pub kind: Kind,
    pub sandbox: Running,
    pub provider: Arc<dyn PaymentProvider>,
}

impl World {
    pub async fn start(kind: Kind) -> Self {
        let sandbox = sandbox::start(sandbox::Config::default()).await.unwrap();
        let provider = provider(kind, &sandbox.url(""), true, PATIENCE);
        Self {
            kind,
            sandbox,
            provider,
        }
    }

    /// One that speaks to the same bank differently.
    pub fn another(&self, has_the_key: bool, patience: Duration) -> Arc<dyn PaymentProvider> {
        provider(self.kind, &self.sandbox.url(""), has_the_key, patience)
    }

    pub fn bank(&self) -> BankDriver<'_> {
        self.sandbox.bank(match self.kind {
            Kind::YooKassa => Bank::YooKassa,
            Kind::TBank => Bank::TBank,
        })
    }

    pub async fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.sandbox.clock().await.unwrap().now_ms)
    }

    pub async fn faults(&self, patch: Value) {
        self.bank().set_faults(&patch).await.unwrap();
    }

    pub async fn account(&self, patch: Value) {
        self.bank().set_account(self.kind.account(), &patch).await.unwrap();
    }

    /// For 4990.00, taken at once.
    pub async fn intent(&self) -> Intent {
        let now = self.now().await;
        let number = NAMES.fetch_add(1, Ordering::Relaxed);
        Intent {
            payment: format!("py_{number:026}"),
            order: format!("or_{number:026}"),
            created_at: now,
            amount: rub(499_000),
            description: "Программа на 12 недель «Сила» & 'Тонус'".into(),
            language: Language::Ru,
            return_url: "https://school.example/checkout/or_1?tab=1".parse().unwrap(),
            notification_url: None,
            expires_at: Some(now.plus_minutes(60)),
            capture: Capture::AtOnce,
            save_method: false,
            is_lost: false,
            customer: format!("cl_{number:026}"),
            receipt: None,
        }
    }

    pub async fn open(&self, intent: &Intent) -> Seen {
        self.provider.create(intent).await.unwrap()
    }

    /// Opened, paid, and as the provider then tells it.
    pub async fn paid(&self, intent: &Intent) -> Seen {
        let opened = self.open(intent).await;
        self.bank().pay(&opened.id).await.unwrap();
        self.provider.status(&opened.id).await.unwrap()
    }

    pub fn refund_of(&self, payment: &Seen, minor: i64) -> RefundIntent {
        let number = NAMES.fetch_add(1, Ordering::Relaxed);
        RefundIntent {
            refund: format!("rf_{number:026}"),
            payment: payment.id.clone(),
            amount: rub(minor),
            is_whole: payment.amount.minor == minor,
            reason: "по просьбе клиента".into(),
            receipt: None,
        }
    }

    /// Payments a payer could still pay.
    pub async fn live(&self) -> Vec<String> {
        let payments = self.bank().payments().await.unwrap();
        payments
            .into_iter()
            .filter(|payment| payment.state == MoneyState::Pending)
            .map(|payment| payment.id)
            .collect()
    }
}

fn provider(kind: Kind, base: &str, has_the_key: bool, patience: Duration) -> Arc<dyn PaymentProvider> {
    let client = providers::http_client(&[]).unwrap();
    let base = base.trim_end_matches('/');
    let secret = |right: &str| if has_the_key { right } else { "somebody-elses" }.to_owned();
    match kind {
        Kind::YooKassa => Arc::new(
            YooKassa::new(
                client,
                yookassa::Config {
                    shop_id: SHOP.0.into(),
                    secret_key: secret(SHOP.1),
                    api_url: format!("{base}/yookassa/v3").parse().unwrap(),
                    networks: Networks::parse(yookassa::NETWORKS).unwrap(),
                },
            )
            .with_deadline(patience),
        ),
        Kind::TBank => Arc::new(
            TBank::new(
                client,
                tbank::Config {
                    terminal_key: TERMINAL.0.into(),
                    password: secret(TERMINAL.1),
                    api_url: format!("{base}/tbank").parse().unwrap(),
                    taxation: "usn_income".into(),
                },
            )
            .with_deadline(patience),
        ),
    }
}

/// One that speaks to an address where nobody of ours is.
pub fn astray(kind: Kind, base: &str) -> Arc<dyn PaymentProvider> {
    provider(kind, base, true, PATIENCE)
}

pub const fn rub(minor: i64) -> Money {
    Money::new(minor, Currency::Rub)
}

pub fn succeeded(seen: &Seen) -> bool {
    matches!(seen.observation, Observation::Succeeded { .. })
}

pub fn line(title: &str, minor: i64) -> ReceiptLine {
    ReceiptLine {
        title: title.into(),
        amount: rub(minor),
        tax: TaxTreatment {
            vat: Vat::None,
            subject: PaymentSubject::Service,
            mode: PaymentMode::FullPrepayment,
        },
    }
}

pub fn receipt(lines: Vec<ReceiptLine>) -> Receipt {
    Receipt {
        contact: Contact::Email("anna@example.ru".into()),
        lines,
    }
}
