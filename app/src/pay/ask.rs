//! What can't be done by itself becomes a task for a person, with the facts on it, and a word to the trainers.

use data_encoding::HEXLOWER;
use domain::content::{Content, rich};
use domain::ids::RequestId;
use domain::language::{Language, Localized};
use domain::time::Timestamp;
use serde_json::Value;
use sha2::{Digest, Sha256};
use store::{NewTask, Order, Payment, Refund, Task, Tx};

use crate::context::App;
use crate::deliver::notify_trainers;
use crate::error::Result;
use crate::settings::Guide;

/// Who ends what has come right by itself.
const SYSTEM: &str = "system";

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
    /// A letter that did not arrive, or a mail server that does not accept us.
    LetterFailed,
    /// A card payment inside Telegram can only be given back in the bank's own account.
    GiveBackAtBank,
    /// The books could not be compared with a provider.
    Unreconciled,
}

impl Matter {
    pub const ALL: [Self; 15] = [
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
        Self::LetterFailed,
        Self::GiveBackAtBank,
        Self::Unreconciled,
    ];

    /// Whether it is a state of things, which may come back after it was mended: it makes a new task then. Everything else
    /// is a fact, and a fact that somebody has seen to stays seen to.
    pub const fn may_return(self) -> bool {
        matches!(self, Self::Misconfigured | Self::Unreconciled)
    }

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
            Self::LetterFailed => "letter_failed",
            Self::GiveBackAtBank => "give_back_at_bank",
            Self::Unreconciled => "unreconciled",
        }
    }

    /// What happened and what to do, for the trainer.
    pub fn words(self) -> Localized {
        let (ru, en) = match self {
            Self::PaidAfterClosing => (
                "Оплата пришла после того, как счёт закрылся. Заказ принят; если услуга уже не актуальна, верните \
                 деньги.",
                "A payment came after its link had been closed. The order stands; give the money back if it is no \
                 longer wanted.",
            ),
            Self::OtherAmount => (
                "Пришла другая сумма, чем в заказе. Сверьте платёж с провайдером и решите: доплата или возврат.",
                "Another sum came than the order's. Compare it with the provider, then ask for the rest or give it \
                 back.",
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
                "Работа с деньгами остановилась: провайдер не отвечает или отказывает. Посмотрите подробности и \
                 попробуйте снова.",
                "Work with money has stopped: the provider is away or refuses. Look at the facts and try again.",
            ),
            Self::GiveBackAtBank => (
                "Клиент платил картой внутри Telegram: вернуть деньги можно только в личном кабинете банка по номеру \
                 операции. Верните и отметьте задачу сделанной — книги и клиент узнают об этом сами.",
                "The client paid by card inside Telegram: the money can only be given back in the bank's own account, \
                 by the operation's number. Do it, then mark this as done; books and client follow by themselves.",
            ),
            Self::LetterFailed => (
                "Письмо о заказе не дошло. Проверьте адрес и почтовый сервер; пока клиенту можно написать иначе, \
                 страница заказа у него остаётся.",
                "A letter about an order did not arrive. Check the address and the mail server; meanwhile the client \
                 may be told another way, the order's page stays.",
            ),
            Self::Difference => (
                "Наши записи и данные провайдера расходятся. Откройте платёж в его личном кабинете и сравните с \
                 подробностями здесь; возврат, сделанный там частью, внесите с его суммой.",
                "Our books and the provider's differ. Open the payment in the provider's account and compare it with \
                 the facts here; a part that was given back there is entered with its sum.",
            ),
            Self::Unreconciled => (
                "Ночная сверка с провайдером не прошла: он не отвечает или не принимает ключи. Следующая удачная \
                 сверка захватит и эти дни, и задача закроется сама.",
                "The nightly comparison with a provider failed: it is away or does not accept the keys. The next one \
                 that works makes up for these days, and this task ends by itself.",
            ),
        };
        Localized::new(ru, en)
    }
}

/// Tells facts apart in a task's key.
pub(super) fn fingerprint(facts: &Value) -> String {
    let mut digest = HEXLOWER.encode(&Sha256::digest(facts.to_string().as_bytes()));
    digest.truncate(16);
    digest
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

/// What a cause asks a person for now, if it does.
pub(super) async fn open_task(tx: &mut Tx, matter: Matter, key: &str) -> Result<Option<Task>> {
    Ok(tx.open_task_of_cause(&format!("{}:{key}", matter.code())).await?)
}

/// The very matter of a task is in order again by itself: it ends, with the reason among its facts.
pub(super) async fn settled(tx: &mut Tx, task: &Task, matter: Matter, reason: &Value, now: Timestamp) -> Result<()> {
    if !tx.finish_task(&task.id, SYSTEM, now).await? {
        return Ok(());
    }
    let mut facts: Value = serde_json::from_str(&task.facts).unwrap_or_default();
    if let Some(fields) = facts.as_object_mut() {
        fields.insert("settled".to_owned(), reason.clone());
        tx.set_task_facts(&task.id, &facts.to_string()).await?;
    }
    if matter.may_return() {
        tx.free_task_key(&task.id).await?;
    }
    tracing::info!(task.id = %task.id, matter = matter.code(), "a task's matter is in order again");
    Ok(())
}

/// [`Matter::LetterFailed`], from outside of payments.
pub(crate) async fn about_letter(
    app: &App,
    tx: &mut Tx,
    guide: &Guide,
    key: &str,
    order: Option<&Order>,
    facts: &Value,
    request_id: &RequestId,
) -> Result<bool> {
    let about = About {
        order,
        ..About::default()
    };
    person(app, tx, guide, Matter::LetterFailed, key, about, facts, request_id).await
}
