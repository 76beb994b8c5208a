//! The page on which an order is paid and followed: everything it shows, and what a payer may do there.
//!
//! Whoever knows the order's id (80 random bits) may pay for it; nothing of the client is shown.

use data_encoding::HEXLOWER;
use domain::fold::phone_digits;
use domain::ids::{ClientId, FileId, Id, OrderId, ProgramId, RequestId, TenantId};
use domain::language::Language;
use domain::money::Money;
use domain::order::{Grant, OrderStatus};
use domain::payment::PaymentStatus;
use domain::promo::{PromoRefusal, normalize};
use domain::time::Timestamp;
use serde_json::json;
use sha2::{Digest, Sha256};
use std::sync::Arc;
use store::{Order, OrderFilter, OrderLine, PageRequest, Payment, PaymentFilter, ProgramFilter, StoredFile, Tx};

use super::place::{self, Basket};
use super::{expire, follow, funds, give, keys, site_link, tell};
use crate::caller::{Actor, Caller, Role};
use crate::context::App;
use crate::crm::contact;
use crate::error::{Error, Result};
use crate::mail::letters;
use crate::settings::{self, Guide, payments::PaymentSettings, programs::ProgramSettings};

const LINK: &str = "checkout.program";
/// How many days a link to the programme lives; the order's page makes new ones.
pub(crate) const LINK_DAYS: i64 = 7;
const LINK_MS: i64 = LINK_DAYS * 24 * 60 * 60_000;
/// A client has few orders, payments and programmes.
const FEW: PageRequest = PageRequest { limit: 20, after: None };

/// What became of the programme that an order gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProgramState {
    NotBought,
    /// The client has to answer the questionnaire first.
    NeedsAnswers,
    /// The trainer has to talk with the client first.
    WithTrainer,
    Making,
    /// It is being made, and the trainer looks at it before it goes out.
    Reviewing,
    Ready(ProgramId),
}

/// An order as its page shows it.
#[derive(Debug)]
pub struct View {
    pub order: Order,
    pub lines: Vec<OrderLine>,
    pub guide: Arc<Guide>,
    pub settings: PaymentSettings,
    pub zone: chrono_tz::Tz,
    /// Codes of the providers, in the order in which they are offered.
    pub providers: Vec<&'static str>,
    pub live: Option<Payment>,
    /// What must still be paid: less than the price once a part came.
    pub due: Money,
    /// The newest one, whatever became of it.
    pub payment: Option<Payment>,
    /// The code whose discount the price has, as codes are compared.
    pub promo: Option<String>,
    /// The same code as its owner writes it.
    pub promo_label: Option<String>,
    pub program: ProgramState,
    /// Placed in the stead of this one, and waiting.
    pub successor: Option<OrderId>,
    /// The bot's address, with a token for a buyer nobody in Telegram is known to be.
    pub bot: Option<String>,
    /// The buyer has a chat with the bot.
    pub is_in_telegram: bool,
    /// Letters are written here at all.
    pub writes_letters: bool,
    /// Letters about this order go to the address its buyer gave.
    pub gets_letters: bool,
    pub now: Timestamp,
}

impl View {
    /// Whether it can be paid for now.
    pub fn is_payable(&self) -> bool {
        self.order.status.is_payable() && self.now < self.order.expires_at
    }

    pub fn needs_contact(&self) -> bool {
        self.settings.needs_contact() && self.order.contact.is_none()
    }

    /// An address is asked for, though nothing needs it: letters would go there.
    pub fn offers_letters(&self) -> bool {
        self.writes_letters && self.order.contact.is_none() && !self.needs_contact()
    }

    pub const fn needs_acceptance(&self) -> bool {
        self.order.offer_accepted_at.is_none()
    }

    pub fn gives(&self, grant: Grant) -> bool {
        self.lines.iter().any(|line| line.grants.contains(&grant))
    }

    /// What the payer agrees to, as it stands on the page: the same text has the same hash.
    pub fn offer_hash(&self, language: Language) -> String {
        let brand = &self.guide.brand;
        let mut text = format!(
            "{}\n{}\n{}\n{}\n{}\n",
            language.code(),
            brand.name,
            brand.contacts.get(language),
            brand.terms_url,
            brand.privacy_url
        );
        for line in &self.lines {
            text.push_str(&format!(
                "{}\n{}\n{}\n{}\n",
                line.title.get(language),
                line.delivery.get(language),
                line.quantity,
                line.total.to_decimal()
            ));
        }
        text.push_str(&format!(
            "{} {}",
            self.order.total.to_decimal(),
            self.order.total.currency.code()
        ));
        HEXLOWER.encode(&Sha256::digest(text.as_bytes()))
    }
}

/// The payer of an order, as a caller. `None`: there is no such order.
pub async fn payer(app: &App, order: &OrderId, request_id: RequestId) -> Result<Option<Caller>> {
    let tenant = app.store().system_read().await?.tenant_of_order(order).await?;
    Ok(tenant.map(|tenant| Caller {
        tenant,
        actor: Actor::Client,
        role: Role::Bot,
        request_id,
    }))
}

/// Whose page it is when no order says so: the installation's only tenant, if it has one.
pub async fn host(app: &App) -> Result<Option<TenantId>> {
    let mut tenants = app.store().system_read().await?.tenants().await?;
    Ok(if tenants.len() == 1 { tenants.pop() } else { None })
}

/// Errors: `NotFound`.
pub async fn view(app: &App, caller: &Caller, id: &OrderId) -> Result<View> {
    let guide = settings::guide(app, &caller.tenant).await?;
    let mut tx = app.tenant(&caller.tenant).read().await?;
    let order = tx.find_order(id).await?.ok_or(Error::NotFound { what: "order" })?;
    let lines = tx.order_lines(&order).await?;
    let settings = PaymentSettings::load(&mut tx).await?;
    let zone = tx.time_zone().await?.parse().unwrap_or(chrono_tz::Europe::Moscow);
    let filter = PaymentFilter {
        order: Some(id.clone()),
        ..PaymentFilter::default()
    };
    let payments = tx.list_payments(&filter, &FEW).await?.items;
    let promo = match &order.promo_code {
        Some(promo) => tx.find_promo_code(promo).await?,
        None => None,
    };
    let program = program_of(&mut tx, &order, &lines).await?;
    let successor = match order.status {
        OrderStatus::Canceled | OrderStatus::Expired => successor(app, &mut tx, &order, &lines).await?,
        _ => None,
    };
    let due = funds::due(&mut tx, &order).await?;
    let providers = keys::providers_in(app, &mut tx)
        .await?
        .offered(&settings)
        .into_iter()
        .map(|provider| provider.code())
        .collect();
    let is_in_telegram = site_link::is_in_telegram(&mut tx, &order).await?;
    drop(tx);
    let bot = site_link::bot_address(app, &caller.tenant, &order, &guide.brand).await?;
    Ok(View {
        bot,
        is_in_telegram,
        writes_letters: app.mailer().is_some(),
        gets_letters: letters::reach(app, &order),
        live: payments.iter().find(|payment| payment.status.is_live()).cloned(),
        payment: payments.into_iter().next(),
        due,
        now: app.now(),
        order,
        lines,
        guide,
        settings,
        zone,
        providers,
        promo_label: promo.as_ref().map(|found| found.label.clone()),
        promo: promo.map(|found| found.code.code),
        program,
        successor,
    })
}

/// What became of the programme an order gives.
pub(crate) async fn program_of(tx: &mut Tx, order: &Order, lines: &[OrderLine]) -> Result<ProgramState> {
    if !gives_program(lines) || !matches!(order.status, OrderStatus::Paid | OrderStatus::Fulfilled) {
        return Ok(ProgramState::NotBought);
    }
    if let Some((program, _)) = ready_program(tx, order).await? {
        return Ok(ProgramState::Ready(program));
    }
    if tx.has_program_of_order(&order.id).await? {
        return being_made(tx).await;
    }
    program_ahead(tx, &order.client, lines).await
}

/// What becomes of a programme that is paid for and not begun.
pub(super) async fn program_ahead(tx: &mut Tx, client: &ClientId, lines: &[OrderLine]) -> Result<ProgramState> {
    if !gives_program(lines) {
        return Ok(ProgramState::NotBought);
    }
    let finished = tx
        .latest_questionnaire(client)
        .await?
        .filter(|run| run.status == "completed");
    match finished {
        None => Ok(ProgramState::NeedsAnswers),
        Some(run) if run.needs_trainer => Ok(ProgramState::WithTrainer),
        Some(_) => being_made(tx).await,
    }
}

async fn being_made(tx: &mut Tx) -> Result<ProgramState> {
    let is_reviewed = ProgramSettings::load(tx).await?.needs_approval("full");
    Ok(if is_reviewed {
        ProgramState::Reviewing
    } else {
        ProgramState::Making
    })
}

fn gives_program(lines: &[OrderLine]) -> bool {
    lines.iter().any(|line| line.grants.contains(&Grant::FullProgram))
}

/// The newest version of the programme an order gives.
async fn ready_program(tx: &mut Tx, order: &Order) -> Result<Option<(ProgramId, FileId)>> {
    let filter = ProgramFilter {
        client: Some(order.client.clone()),
        status: Some("ready".to_owned()),
    };
    for program in tx.list_programs(&filter, &FEW).await?.items {
        if let Some(file) = program.file
            && tx.order_of_program(&program.id).await?.as_ref() == Some(&order.id)
        {
            return Ok(Some((program.id, file)));
        }
    }
    Ok(None)
}

/// An order for the same things that was placed after this one and waits.
async fn successor(app: &App, tx: &mut Tx, order: &Order, lines: &[OrderLine]) -> Result<Option<OrderId>> {
    let filter = OrderFilter {
        client: Some(order.client.clone()),
        status: Some(OrderStatus::AwaitingPayment),
    };
    let wanted = basket_of(lines);
    for other in tx.list_orders(&filter, &FEW).await?.items {
        let is_later = other.id > order.id && app.now() < other.expires_at;
        if is_later && basket_of(&tx.order_lines(&other).await?) == wanted {
            return Ok(Some(other.id));
        }
    }
    Ok(None)
}

fn basket_of(lines: &[OrderLine]) -> Vec<(domain::ids::ProductId, u32)> {
    lines.iter().map(|line| (line.product.clone(), line.quantity)).collect()
}

/// The payer leaves where the receipt goes and accepts the offer, as it stood on the page.
///
/// `offer`: the hash of the text they saw. Errors: `Invalid` names `contact` or `offer`.
pub async fn agree(
    app: &App,
    caller: &Caller,
    view: &View,
    contact: &str,
    offer: Option<&str>,
    language: Language,
) -> Result<()> {
    let contact = if view.needs_contact() {
        contact_of(contact).map(Some)
    } else if view.offers_letters() && !contact.trim().is_empty() {
        let wrong = |(_, message): (&'static str, String)| Error::invalid("contact", "email", message);
        contact::email(contact.trim()).map_err(wrong).map(Some)
    } else {
        Ok(None)
    };
    let hash = view.offer_hash(language);
    let accepted = match offer {
        _ if !view.needs_acceptance() => Ok(()),
        None => Err(Error::invalid("offer", "required", "the offer has to be accepted")),
        Some(seen) if seen != hash => Err(Error::invalid("offer", "changed", "the offer has changed meanwhile")),
        Some(_) => Ok(()),
    };
    let contact = match (contact, accepted) {
        (Ok(contact), Ok(())) => contact,
        // Whoever has two things to mend is told of both at once.
        (Err(Error::Invalid(mut fields)), Err(Error::Invalid(more))) => {
            fields.extend(more);
            return Err(Error::Invalid(fields));
        }
        (Err(error), _) | (_, Err(error)) => return Err(error),
    };
    if contact.is_none() && !view.needs_acceptance() {
        return Ok(());
    }
    let hash = view.order.offer_hash.clone().unwrap_or(hash);
    let mut tx = app.tenant(&caller.tenant).write().await?;
    tx.accept_offer(&view.order.id, contact.as_deref(), &hash, app.now())
        .await?;
    let details = json!({
        "order_id": view.order.id,
        "offer_hash": hash,
        "terms_url": view.guide.brand.terms_url,
        "language": language.code(),
        "channel": "checkout",
    });
    tell::note(
        app,
        &mut tx,
        &view.order.client,
        "order.offer_accepted",
        "client",
        details,
    )
    .await?;
    tx.commit().await?;
    Ok(())
}

/// An e-mail address as typed, or a phone number as `+` and digits.
fn contact_of(typed: &str) -> Result<String> {
    let wrong = |(code, message): (&'static str, String)| Error::invalid("contact", code, message);
    let typed = typed.trim();
    if typed.is_empty() {
        return Err(Error::invalid("contact", "required", "the receipt needs an address"));
    }
    if typed.contains('@') {
        return contact::email(typed).map_err(wrong);
    }
    let phone = contact::phone(typed).map_err(wrong)?;
    phone_digits(&phone)
        .map(|digits| format!("+{digits}"))
        .ok_or_else(|| Error::invalid("contact", "invalid", "not a phone number"))
}

/// What came of a promo code that a payer typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Repriced {
    /// An order at the new price stands in the stead of this one.
    Placed(OrderId),
    Refused(PromoRefusal),
    /// The price has this code's discount already.
    HasIt,
    /// Another discount takes off as much or more: the order stays as it is.
    NotBetter,
    /// What was agreed is not sold any more; the order still stands.
    NotOnSale,
    /// It is paid or closed in the meantime.
    NotWaiting,
}

/// An issued order keeps its price: a promo code makes a new one for the same things, and the old one is called off.
pub async fn reprice(app: &App, caller: &Caller, view: &View, typed: &str) -> Result<Repriced> {
    if view.promo.as_deref().is_some_and(|promo| promo == normalize(typed)) {
        return Ok(Repriced::HasIt);
    }
    let basket = basket(view, Some(typed));
    let quote = match place::quote(app, caller, &basket).await {
        Ok(quote) => quote,
        Err(Error::Invalid(_)) => return Ok(Repriced::NotOnSale),
        Err(error) => return Err(error),
    };
    if let Some(refusal) = quote.refusal {
        return Ok(Repriced::Refused(refusal));
    }
    if quote.breakdown.used_promo().is_none() || quote.breakdown.total.minor >= view.order.total.minor {
        return Ok(Repriced::NotBetter);
    }
    // Money that is on its way belongs to the old price.
    if let Some(live) = &view.live
        && !matches!(
            follow::ask_now(app, caller, &live.id).await?,
            PaymentStatus::Creating | PaymentStatus::Pending | PaymentStatus::Canceled | PaymentStatus::Expired
        )
    {
        return Ok(Repriced::NotWaiting);
    }
    let placed = place::place(app, caller, &basket).await?;
    if let Some(refusal) = placed.refusal {
        // Somebody else took the last use meanwhile.
        expire::cancel(app, caller, &placed.order.id).await?;
        return Ok(Repriced::Refused(refusal));
    }
    match expire::cancel(app, caller, &view.order.id).await {
        Ok(()) => Ok(Repriced::Placed(placed.order.id)),
        Err(Error::Conflict { .. }) if placed.order.status.is_payable() => {
            // Paid or replaced by another tab while we looked: one order is enough.
            expire::cancel(app, caller, &placed.order.id).await?;
            Ok(Repriced::NotWaiting)
        }
        Err(Error::Conflict { .. }) => Ok(Repriced::Placed(placed.order.id)),
        Err(error) => Err(error),
    }
}

/// The same things once more, at today's price: for an order that ran out. Asked twice, it is one order.
///
/// Errors: `Invalid` when something is not sold any more; a conflict `order_waits` for one that can still be paid or is.
pub async fn again(app: &App, caller: &Caller, view: &View) -> Result<OrderId> {
    if let Some(successor) = &view.successor {
        return Ok(successor.clone());
    }
    let is_over = matches!(view.order.status, OrderStatus::Canceled | OrderStatus::Expired)
        || (view.order.status.is_payable() && !view.is_payable());
    if !is_over {
        return Err(Error::conflict("order_waits", "this order can be paid, or is"));
    }
    let placed = place::place(app, caller, &basket(view, view.promo.as_deref())).await?;
    Ok(placed.order.id)
}

fn basket(view: &View, promo: Option<&str>) -> Basket {
    Basket {
        client: view.order.client.clone(),
        items: basket_of(&view.lines),
        promo: promo.map(str::to_owned),
        channel: match view.order.channel.as_str() {
            "telegram" => "telegram",
            "admin" => "admin",
            _ => "site",
        },
        language: view.order.language,
    }
}

/// A link to the programme: until when it opens it, and the proof that it is ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProgramLink {
    pub until: Timestamp,
    pub signature: String,
}

pub fn program_link(app: &App, caller: &Caller, order: &OrderId) -> ProgramLink {
    let until = app.now().plus_millis(LINK_MS);
    ProgramLink {
        signature: app.tenant(&caller.tenant).sign_link(LINK, &signed_text(order, until)),
        until,
    }
}

/// The programme behind a link of [`program_link`]. Whoever `takes` it has it: that is written down once, and the order is
/// fulfilled.
///
/// Errors: `NotFound` for a link that ran out or is not ours, and for an order whose programme is not ready or was given
/// back.
pub async fn program(
    app: &App,
    caller: &Caller,
    order: &OrderId,
    link: &ProgramLink,
    takes: bool,
) -> Result<(StoredFile, Vec<u8>)> {
    let gone = || Error::NotFound { what: "programme" };
    let is_ours = app
        .tenant(&caller.tenant)
        .is_own_link(LINK, &signed_text(order, link.until), &link.signature);
    if !is_ours || app.now() >= link.until {
        return Err(gone());
    }
    let mut tx = app.tenant(&caller.tenant).read().await?;
    let order = tx.find_order(order).await?.ok_or_else(gone)?;
    if !matches!(order.status, OrderStatus::Paid | OrderStatus::Fulfilled) {
        return Err(gone());
    }
    let (program, file) = ready_program(&mut tx, &order).await?.ok_or_else(gone)?;
    let is_delivered = tx
        .find_program(&program)
        .await?
        .is_some_and(|program| program.delivered_at.is_some());
    drop(tx);
    let found = crate::operate::read_file(app, caller, &file).await?;
    if takes && !is_delivered {
        let mut tx = app.tenant(&caller.tenant).write().await?;
        give::handed_over(app, &mut tx, caller, &order.client, &program, "site").await?;
        tx.commit().await?;
    }
    Ok(found)
}

fn signed_text(order: &OrderId, until: Timestamp) -> String {
    format!("{}:{}", order.as_str(), until.millis())
}
