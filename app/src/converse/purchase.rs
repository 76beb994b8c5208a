//! Buying in the conversation: the basket, the order, its link, what was bought and how to give it back.
//!
//! A turn only writes; what a provider has to be asked is a job of [`crate::pay::link`].

mod orders;

use std::pin::Pin;

use data_encoding::HEXLOWER;
use domain::content::Content;
use domain::dialogue::actions::short_code;
use domain::dialogue::bill;
use domain::dialogue::purchase::{self, Awaiting, Basket, MAX_ADDONS, Step};
use domain::dialogue::{Facts, Reply, Scene, Turn};
use domain::ids::{Id, OrderId, ProductId};
use domain::money::Money;
use domain::order::OrderStatus;
use serde_json::json;
use sha2::{Digest, Sha256};
use store::{Client, ClientUpdate, Order, OrderFilter, PageRequest, Product, Tx};

use super::{Body, Inbound, note};
use crate::caller::{Actor, Caller};
use crate::context::App;
use crate::error::{Error, Result};
use crate::pay::place::{self, Quote};
use crate::pay::{keys, link, refund, telegram};
use crate::settings::Guide;
use crate::settings::payments::PaymentSettings;
use crate::settings::telegram::TelegramPayments;

/// The newest purchases are shown; a client has few.
const SHOWN: PageRequest = PageRequest { limit: 10, after: None };

type Doing<'d> = Pin<Box<dyn Future<Output = Result<()>> + Send + 'd>>;

/// What a step works with.
pub(super) struct Desk<'a> {
    pub app: &'a App,
    pub caller: Caller,
    pub guide: &'a Guide,
    pub facts: Facts<'a>,
    pub client: &'a Client,
    pub inbound: &'a Inbound,
}

/// Products on sale, found by the codes of a basket.
struct Chosen {
    product: Product,
    addons: Vec<Product>,
    offered: Vec<Product>,
}

impl<'a> Desk<'a> {
    pub(super) fn new(
        app: &'a App,
        caller: &Caller,
        guide: &'a Guide,
        facts: Facts<'a>,
        client: &'a Client,
        inbound: &'a Inbound,
    ) -> Self {
        let caller = Caller {
            actor: Actor::Client,
            ..caller.clone()
        };
        Self {
            app,
            caller,
            guide,
            facts,
            client,
            inbound,
        }
    }

    /// A button was pressed.
    ///
    /// Boxed, as [`Self::typed`] is: a turn that buys nothing need not hold room for one that does.
    pub(super) fn press<'d>(&'d self, tx: &'d mut Tx, step: &'d Step, turn: &'d mut Turn) -> Doing<'d> {
        Box::pin(self.pressed(tx, step, turn))
    }

    /// The words that were waited for.
    pub(super) fn typed<'d>(&'d self, tx: &'d mut Tx, words: &'d str, turn: &'d mut Turn) -> Doing<'d> {
        Box::pin(self.told(tx, words, turn))
    }

    async fn pressed(&self, tx: &mut Tx, step: &Step, turn: &mut Turn) -> Result<()> {
        match step {
            Step::Pick(basket) => self.pick(tx, basket, turn).await,
            Step::Card(basket) => {
                let promo = promo_of(&turn.scene, basket);
                self.card(tx, basket, promo, None, turn).await
            }
            Step::EnterPromo(basket) => {
                self.ask(basket, Awaiting::Promo, None, turn);
                Ok(())
            }
            Step::EnterContact(basket) => {
                self.ask(basket, Awaiting::Contact, None, turn);
                Ok(())
            }
            Step::Pay { basket, total } => Box::pin(self.pay(tx, basket, *total, turn)).await,
            Step::Link(order) => self.link(tx, order, None, turn).await,
            Step::Via { order, provider } => self.link(tx, order, Some(provider), turn).await,
            Step::Check(order) => {
                if self.own(tx, order, turn).await?.is_some() {
                    link::enqueue_check(self.app, tx, order, &self.caller.request_id).await?;
                    turn.toast = Some(self.facts.texts.check_started.clone());
                }
                Ok(())
            }
            Step::Purchases => self.purchases(tx, turn).await,
            Step::Order(order) => self.order(tx, order, turn).await,
            Step::Cancel(order) => Box::pin(self.cancel(tx, order, turn)).await,
            Step::Refund(order) => {
                if let Some(order) = self.own(tx, order, turn).await? {
                    let lines = tx.order_lines(&order).await?;
                    let content = match refund::refundable_by_client_in(self.app, tx, &order.id).await? {
                        Some(payment) => {
                            let mut entry = self.entry(&order, &lines);
                            // What goes back is what was paid, maybe in Stars.
                            if let Some(payment) = tx.find_payment(&payment).await? {
                                entry.total = payment.amount;
                            }
                            purchase::confirm_refund(&self.facts, &entry)
                        }
                        None => self.about(&self.facts.texts.refund_refused, &order.id),
                    };
                    show(turn, content);
                }
                Ok(())
            }
            Step::RefundYes(order) => self.refund(tx, order, turn).await,
            Step::Methods => self.methods(tx, None, turn).await,
            Step::ForgetMethod(method) => self.forget_method(tx, method, turn).await,
        }
    }

    async fn told(&self, tx: &mut Tx, words: &str, turn: &mut Turn) -> Result<()> {
        let Scene::Purchase {
            basket,
            promo,
            awaiting: Some(awaiting),
        } = turn.scene.clone()
        else {
            return Ok(());
        };
        let texts = self.facts.texts;
        match awaiting {
            Awaiting::Contact => match purchase::contact(words) {
                Some(contact) => {
                    self.keep_contact(tx, &contact).await?;
                    self.card_to(tx, &basket, promo, None, Some(contact), turn).await
                }
                None => {
                    self.ask(&basket, awaiting, Some(texts.contact_wrong.clone()), turn);
                    Ok(())
                }
            },
            Awaiting::Promo => {
                let Some(chosen) = self.chosen(tx, &basket).await? else {
                    self.nothing(turn);
                    return Ok(());
                };
                let quote = self.quote(tx, &chosen, &basket, Some(words)).await?;
                if let Some(refusal) = &quote.refusal {
                    let zone: chrono_tz::Tz = tx.time_zone().await?.parse().unwrap_or(chrono_tz::Europe::Moscow);
                    let why = purchase::promo_refusal(&self.facts, refusal, |at| {
                        at.to_utc().with_timezone(&zone).format("%d.%m.%Y").to_string()
                    });
                    self.ask(&basket, awaiting, Some(why), turn);
                    return Ok(());
                }
                let word = if quote.breakdown.used_promo().is_some() {
                    &texts.promo_taken
                } else {
                    &texts.promo_no_better
                };
                self.card(tx, &basket, Some(words.trim().to_owned()), Some(word.clone()), turn)
                    .await
            }
        }
    }

    async fn chosen(&self, tx: &mut Tx, basket: &Basket) -> Result<Option<Chosen>> {
        let now = self.app.now();
        let offered: Vec<Product> = tx
            .products()
            .await?
            .into_iter()
            .filter(|product| product.is_on_sale(now))
            .collect();
        let named = |code: &String| {
            offered
                .iter()
                .find(|product| short_code(product.id.as_str()) == *code)
                .cloned()
        };
        let addons: Option<Vec<Product>> = basket.addons.iter().map(named).collect();
        Ok(named(&basket.product).zip(addons).map(|(product, addons)| Chosen {
            product,
            addons,
            offered,
        }))
    }

    async fn quote(&self, tx: &mut Tx, chosen: &Chosen, basket: &Basket, promo: Option<&str>) -> Result<Quote> {
        place::quote_in(self.app, tx, self.client, &self.wanted(chosen, basket, promo)).await
    }

    fn wanted(&self, chosen: &Chosen, basket: &Basket, promo: Option<&str>) -> place::Basket {
        place::Basket {
            client: self.client.id.clone(),
            items: items(chosen, basket),
            promo: promo.map(str::to_owned),
            channel: "telegram",
            language: self.facts.language,
        }
    }

    /// What is not on sale any more leads back to what is.
    fn nothing(&self, turn: &mut Turn) {
        turn.scene = Scene::Idle;
        let content = self
            .about_plain(&self.facts.texts.not_on_sale)
            .with_row(vec![prices(&self.facts)]);
        show(turn, content);
    }

    fn about_plain(&self, template: &str) -> Content {
        let trainer = self.guide.facts.trainer.as_str();
        Content::text(domain::content::rich(template, &[("trainer", trainer)]))
    }

    fn about(&self, template: &str, order: &OrderId) -> Content {
        purchase::about_order(&self.facts, template, order, false)
    }

    fn ask(&self, basket: &Basket, awaiting: Awaiting, refusal: Option<String>, turn: &mut Turn) {
        let promo = promo_of(&turn.scene, basket);
        turn.scene = Scene::Purchase {
            basket: basket.clone(),
            promo,
            awaiting: Some(awaiting),
        };
        show(turn, purchase::ask(&self.facts, basket, awaiting, refusal));
    }

    async fn pick(&self, tx: &mut Tx, basket: &Basket, turn: &mut Turn) -> Result<()> {
        let Some(chosen) = self.chosen(tx, basket).await? else {
            self.nothing(turn);
            return Ok(());
        };
        let product = &chosen.product;
        if basket.quantity == 0 {
            let mut counts: Vec<u32> = product.packages.iter().map(|(months, _)| *months).collect();
            if !counts.contains(&1) {
                counts.insert(0, 1);
            }
            let mut prices = Vec::with_capacity(counts.len());
            for count in counts {
                let share = product.months_discount(count);
                let list = product.price.checked_times(count).map_err(uncountable)?;
                let off = share.map_or(Money::zero(list.currency), |share| list.percent(share));
                prices.push((count, list.checked_sub(off).map_err(uncountable)?, share));
            }
            turn.scene = Scene::Idle;
            let title = product.title.get(self.facts.language);
            show(turn, purchase::packages(&self.facts, basket, title, &prices));
            return Ok(());
        }
        let more: Vec<(String, &str, Money)> = chosen
            .offered
            .iter()
            .filter(|other| other.is_addon && !other.is_monthly && other.price.currency == product.price.currency)
            .filter(|other| other.id != product.id && !chosen.addons.iter().any(|taken| taken.id == other.id))
            .map(|other| {
                let title = other.title.get(self.facts.language);
                (short_code(other.id.as_str()), title, other.price)
            })
            .collect();
        if product.is_addon || more.is_empty() || basket.addons.len() >= MAX_ADDONS {
            return self.card(tx, basket, None, None, turn).await;
        }
        turn.scene = Scene::Idle;
        show(turn, purchase::addons(&self.facts, basket, &more));
        Ok(())
    }

    async fn card(
        &self,
        tx: &mut Tx,
        basket: &Basket,
        promo: Option<String>,
        note: Option<String>,
        turn: &mut Turn,
    ) -> Result<()> {
        let contact = self.contact();
        self.card_to(tx, basket, promo, note, contact, turn).await
    }

    async fn card_to(
        &self,
        tx: &mut Tx,
        basket: &Basket,
        promo: Option<String>,
        note: Option<String>,
        contact: Option<String>,
        turn: &mut Turn,
    ) -> Result<()> {
        let Some(chosen) = self.chosen(tx, basket).await? else {
            self.nothing(turn);
            return Ok(());
        };
        let settings = PaymentSettings::load(tx).await?;
        let quote = self.quote(tx, &chosen, basket, promo.as_deref()).await?;
        // A code that was good once and is not any more is left out; the price says so.
        let promo = promo.filter(|_| quote.refusal.is_none());
        let contact = contact.filter(|_| settings.needs_contact() && !quote.breakdown.total.is_zero());
        let content = purchase::card(
            &self.facts,
            basket,
            &self.lines(&quote.lines),
            &quote.breakdown,
            contact.as_deref(),
            promo.is_some(),
            note,
        );
        turn.scene = Scene::Purchase {
            basket: basket.clone(),
            promo,
            awaiting: None,
        };
        show(turn, content);
        Ok(())
    }

    /// Where receipts of this client go.
    fn contact(&self) -> Option<String> {
        let kept = self.client.email.as_deref().and_then(purchase::contact);
        kept.or_else(|| self.client.phone.as_deref().and_then(purchase::contact))
    }

    async fn keep_contact(&self, tx: &mut Tx, contact: &str) -> Result<()> {
        let client = self.client;
        let is_email = contact.contains('@');
        let kept = || Some(contact.to_owned());
        let update = ClientUpdate {
            display_name: client.display_name.clone(),
            username: client.username.clone(),
            language: self.facts.language,
            phone: if is_email { client.phone.clone() } else { kept() },
            // The e-mail goes first: a phone typed instead of it replaces it.
            email: if is_email { kept() } else { None },
            notes: client.notes.clone(),
            owner: client.owner.clone(),
        };
        let now = self.app.now();
        tx.update_client(&client.id, client.version, &update, now).await?;
        note(self.app, tx, &client.id, "client.contact_given", "client", json!({})).await
    }

    async fn pay(&self, tx: &mut Tx, basket: &Basket, total: i64, turn: &mut Turn) -> Result<()> {
        let Some(chosen) = self.chosen(tx, basket).await? else {
            self.nothing(turn);
            return Ok(());
        };
        // Pressed twice: the order of the first press is the one.
        if let Some(order) = self.waiting(tx, &items(&chosen, basket), total).await? {
            return self.link_of(tx, &order, None, turn).await;
        }
        let promo = promo_of(&turn.scene, basket);
        let quote = self.quote(tx, &chosen, basket, promo.as_deref()).await?;
        if quote.breakdown.total.minor != total {
            let word = self.facts.texts.price_changed.clone();
            return self.card(tx, basket, promo, Some(word), turn).await;
        }
        let settings = PaymentSettings::load(tx).await?;
        let contact = self.contact().filter(|_| settings.needs_contact());
        if settings.needs_contact() && contact.is_none() && total > 0 {
            self.ask(basket, Awaiting::Contact, None, turn);
            return Ok(());
        }
        let wanted = self.wanted(&chosen, basket, promo.as_deref());
        let shown: String = purchase::offer_acceptance(&self.facts)
            .into_iter()
            .map(|span| span.text)
            .collect();
        let placed = Box::pin(place::place_in(self.app, tx, &self.caller, self.guide, &wanted)).await?;
        let order = placed.order;
        if order.total.is_zero() {
            turn.scene = Scene::Idle;
            show(turn, self.about(&self.facts.texts.order_free, &order.id));
            return Ok(());
        }
        let terms = &self.guide.brand.terms_url;
        let hash = HEXLOWER.encode(&Sha256::digest(format!("{shown}\n{terms}").as_bytes()));
        tx.accept_offer(&order.id, contact.as_deref(), &hash, self.app.now())
            .await?;
        let details = json!({
            "order_id": order.id,
            "offer_hash": hash,
            "terms_url": terms,
            "language": self.facts.language.code(),
            "channel": "telegram",
        });
        note(self.app, tx, &self.client.id, "order.offer_accepted", "client", details).await?;
        self.link_of(tx, &order, None, turn).await
    }

    /// An order for the same things at the same price that waits for its payment.
    async fn waiting(&self, tx: &mut Tx, wanted: &[(ProductId, u32)], total: i64) -> Result<Option<Order>> {
        let filter = OrderFilter {
            client: Some(self.client.id.clone()),
            status: Some(OrderStatus::AwaitingPayment),
        };
        for order in tx.list_orders(&filter, &SHOWN).await?.items {
            if order.total.minor != total || order.expires_at <= self.app.now() || order.offer_accepted_at.is_none() {
                continue;
            }
            let lines = tx.order_lines(&order).await?;
            let items = lines.iter().map(|line| (&line.product, line.quantity));
            if items.eq(wanted.iter().map(|(product, quantity)| (product, *quantity))) {
                return Ok(Some(order));
            }
        }
        Ok(None)
    }

    async fn link(&self, tx: &mut Tx, order: &OrderId, provider: Option<&str>, turn: &mut Turn) -> Result<()> {
        match self.own(tx, order, turn).await? {
            Some(order) => self.link_of(tx, &order, provider, turn).await,
            None => Ok(()),
        }
    }

    async fn link_of(&self, tx: &mut Tx, order: &Order, provider: Option<&str>, turn: &mut Turn) -> Result<()> {
        turn.scene = Scene::Idle;
        if matches!(order.status, OrderStatus::Paid | OrderStatus::Fulfilled) {
            show(turn, self.about(&self.facts.texts.check_paid, &order.id));
            return Ok(());
        }
        if !order.status.is_payable() || order.expires_at <= self.app.now() {
            show(turn, self.about(&self.facts.texts.order_closed, &order.id));
            return Ok(());
        }
        let settings = PaymentSettings::load(tx).await?;
        let providers = keys::providers_in(self.app, tx).await?;
        let offered = providers.offered(&settings);
        let native = telegram::ways(
            &TelegramPayments::load(tx).await?,
            order.total,
            self.facts.texts,
            self.facts.language,
        );
        let titles = native.iter().map(|(code, label)| (*code, label.as_str()));
        let ways: Vec<(&str, &str)> = offered
            .iter()
            .map(|provider| (provider.code(), provider.title(self.facts.language)))
            .chain(titles)
            .collect();
        let way = match (provider, ways.as_slice()) {
            (Some(code), ways) => ways.iter().find(|(known, _)| *known == code),
            (None, [only]) => Some(only),
            (None, _) => None,
        };
        let Some((code, _)) = way else {
            show(turn, purchase::ways(&self.facts, &order.id, &ways));
            return Ok(());
        };
        let pressed = self.pressed_message();
        if !telegram::is_native(code) {
            link::enqueue(self.app, tx, &order.id, code, pressed, &self.caller.request_id).await?;
            show(turn, purchase::preparing(&self.facts));
            return Ok(());
        }
        let wish = telegram::Wish {
            order,
            client: self.client,
            address: &self.inbound.address,
            code,
            pressed,
            has_other_way: ways.len() > 1,
        };
        match Box::pin(telegram::write(self.app, tx, &self.caller, &self.facts, &wish)).await {
            Ok(()) => show(turn, bill::sent(&self.facts)),
            // Closed or paid at this very moment.
            Err(Error::Conflict { .. }) => show(turn, self.about(&self.facts.texts.order_closed, &order.id)),
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// The message whose button was pressed.
    fn pressed_message(&self) -> Option<&str> {
        match &self.inbound.body {
            Body::Action { message_ref, .. } => message_ref.as_deref(),
            _ => None,
        }
    }
}

fn prices(facts: &Facts<'_>) -> domain::content::Button {
    let action = domain::dialogue::actions::Action::Prices;
    domain::content::Button::action(&facts.texts.button_prices, action.to_string())
}

/// The code that was typed for this basket.
fn promo_of(scene: &Scene, wanted: &Basket) -> Option<String> {
    match scene {
        Scene::Purchase { basket, promo, .. } if basket == wanted => promo.clone(),
        _ => None,
    }
}

fn items(chosen: &Chosen, basket: &Basket) -> Vec<(ProductId, u32)> {
    let addons = chosen.addons.iter().map(|addon| (addon.id.clone(), 1));
    std::iter::once((chosen.product.id.clone(), basket.quantity))
        .chain(addons)
        .collect()
}

pub(super) fn show(turn: &mut Turn, content: Content) {
    turn.replies.push(Reply {
        content,
        in_place: true,
        is_step: true,
    });
}

fn uncountable(error: domain::money::MoneyError) -> Error {
    Error::internal(format!("a package has no price: {error}"))
}
