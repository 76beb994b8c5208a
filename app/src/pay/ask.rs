//! What can't be done by itself becomes a task for a person, with the facts on it, and a word to the trainers.

use domain::content::{Content, rich};
use domain::ids::RequestId;
use domain::language::{Language, Localized};
use serde_json::Value;
use store::{NewTask, Order, Payment, Refund, Tx};

use crate::context::App;
use crate::deliver::notify_trainers;
use crate::error::Result;
use crate::settings::Guide;

/// Why a person is asked. Codes are stable: the panel and the API show them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Matter {
    /// Paid after the payment was closed; the order was revived.
    PaidAfterClosing,
    /// Another sum came than was agreed.
    OtherAmount,
    /// A second payment for an order that is paid; the money waits in the client's wallet.
    PaidTwice,
    /// The provider calls off what it had called paid.
    CanceledAfterSuccess,
    /// Money is held and waits for a decision.
    Held,
    /// The provider does not accept our keys or settings.
    Misconfigured,
    /// A refund was refused for good.
    RefundFailed,
    /// A notification for a payment nobody knows here.
    UnknownPayment,
    /// Something a person gives: coaching, a nutrition plan.
    GiveByHand,
    /// A receipt that could not be given.
    ReceiptFailed,
    /// Our books and the provider's list differ.
    Difference,
    /// Work with money that does not get on by itself.
    Stuck,
}

impl Matter {
    pub const ALL: [Self; 12] = [
        Self::PaidAfterClosing,
        Self::OtherAmount,
        Self::PaidTwice,
        Self::CanceledAfterSuccess,
        Self::Held,
        Self::Misconfigured,
        Self::RefundFailed,
        Self::UnknownPayment,
        Self::GiveByHand,
        Self::ReceiptFailed,
        Self::Difference,
        Self::Stuck,
    ];

    pub fn parse(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|matter| matter.code() == code)
    }

    pub const fn code(self) -> &'static str {
        match self {
            Self::PaidAfterClosing => "paid_after_closing",
            Self::OtherAmount => "other_amount",
            Self::PaidTwice => "paid_twice",
            Self::CanceledAfterSuccess => "canceled_after_success",
            Self::Held => "held",
            Self::Misconfigured => "misconfigured",
            Self::RefundFailed => "refund_failed",
            Self::UnknownPayment => "unknown_payment",
            Self::GiveByHand => "give_by_hand",
            Self::ReceiptFailed => "receipt_failed",
            Self::Difference => "difference",
            Self::Stuck => "stuck",
        }
    }

    /// What happened and what to do, for the trainer.
    pub fn words(self) -> Localized {
        let (ru, en) = match self {
            Self::PaidAfterClosing => (
                "Оплата пришла после того, как счёт закрылся. Заказ принят; если услуга уже не актуальна, верните деньги.",
                "A payment came after its link had been closed. The order stands; give the money back if it is no longer wanted.",
            ),
            Self::OtherAmount => (
                "Пришла другая сумма, чем в заказе. Сверьте платёж с провайдером и решите: доплата или возврат.",
                "Another sum came than the order's. Compare it with the provider, then ask for the rest or give it back.",
            ),
            Self::PaidTwice => (
                "Заказ оплачен дважды. Вторая сумма лежит на счёте клиента: верните её или зачтите.",
                "An order was paid twice. The second sum is in the client's wallet: give it back or use it.",
            ),
            Self::CanceledAfterSuccess => (
                "Провайдер отменил платёж, который раньше назвал успешным. Свяжитесь с его поддержкой.",
                "The provider called off a payment it had called paid. Ask its support.",
            ),
            Self::Held => (
                "Деньги заморожены на карте клиента. Подтвердите списание или отмените, пока не истёк срок.",
                "Money is held on the client's card. Take it or let it go before the hold ends.",
            ),
            Self::Misconfigured => (
                "Провайдер не принимает наши ключи или настройки: клиенты не могут платить.",
                "The provider does not accept our keys or settings: clients can't pay.",
            ),
            Self::RefundFailed => (
                "Провайдер отказал в возврате. Верните деньги другим способом и отметьте это здесь.",
                "The provider refused a refund. Give the money back another way and note it here.",
            ),
            Self::UnknownPayment => (
                "Пришло уведомление о платеже, которого у нас нет. Сверьте его с личным кабинетом провайдера.",
                "A notification came for a payment unknown here. Compare it with the provider's account.",
            ),
            Self::GiveByHand => (
                "Оплачена услуга, которую даёт человек. Свяжитесь с клиентом.",
                "Something a person gives was paid. Get in touch with the client.",
            ),
            Self::ReceiptFailed => (
                "Чек не отправился. Пробейте его вручную.",
                "A receipt could not be given. Give it by hand.",
            ),
            Self::Stuck => (
                "Работа с деньгами остановилась: провайдер не отвечает или отказывает. Посмотрите подробности и попробуйте снова.",
                "Work with money has stopped: the provider is away or refuses. Look at the facts and try again.",
            ),
            Self::Difference => (
                "Наши записи и список провайдера расходятся.",
                "Our books and the provider's list differ.",
            ),
        };
        Localized::new(ru, en)
    }
}

/// What the task is about.
#[derive(Debug, Clone, Copy, Default)]
pub struct About<'a> {
    pub order: Option<&'a Order>,
    pub payment: Option<&'a Payment>,
    pub refund: Option<&'a Refund>,
}

/// Opens a task once for its key, and tells the trainers. Returns whether it is a new one.
#[expect(clippy::too_many_arguments, reason = "a task's whole content, each once")]
pub(super) async fn person(
    app: &App,
    tx: &mut Tx,
    guide: &Guide,
    matter: Matter,
    key: &str,
    about: About<'_>,
    facts: &Value,
    request_id: &RequestId,
) -> Result<bool> {
    let client = about
        .payment
        .map(|payment| &payment.client)
        .or(about.order.map(|order| &order.client));
    let new = NewTask {
        id: app.new_id(),
        kind: matter.code().to_owned(),
        dedupe_key: format!("{}:{key}", matter.code()),
        client: client.cloned(),
        order: about.order.map(|order| order.id.clone()),
        payment: about.payment.map(|payment| payment.id.clone()),
        refund: about.refund.map(|refund| refund.id.clone()),
        facts: facts.to_string(),
        now: app.now(),
    };
    if !tx.insert_task(&new).await? {
        return Ok(false);
    }
    let name = match client {
        Some(client) => tx.find_client(client).await?.map(|client| client.display_name),
        None => None,
    }
    .unwrap_or_default();
    let words = matter.words();
    let key = format!("task:{}", new.id);
    notify_trainers(
        app,
        tx,
        client,
        "notice",
        Some(&key),
        request_id,
        |language: Language| {
            Content::text(rich(
                &guide.texts(language).trainer_task,
                &[("name", &name), ("what", words.get(language))],
            ))
        },
    )
    .await?;
    tracing::warn!(task.id = %new.id, matter = matter.code(), "a person has to look at this");
    Ok(true)
}
