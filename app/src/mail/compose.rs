//! What a letter says, from the facts of the moment it is sent.

use domain::content::{Span, rich};
use domain::ids::{FileId, Id, OrderId, PaymentId, ProgramId, TenantId};
use domain::language::Language;
use domain::order::{Grant, OrderStatus};
use domain::texts::Texts;
use providers::mail::{Attachment, Letter};
use providers::payments::Contact;
use store::{ClaimedDelivery, Order, OrderLine};

use super::letters::{About, Kept};
use super::render::{Page, Part};
use crate::caller::Caller;
use crate::context::App;
use crate::converse::called;
use crate::error::{Error, Result};
use crate::operate;
use crate::pay::checkout::{self, ProgramState};
use crate::pay::{contact_of, funds, order_url, site_link, titles};
use crate::settings::{self, Guide};

/// Most servers take 20 MB and more; in base64 a file grows by a third. A bigger one is behind the link.
const MAX_ATTACHED_BYTES: i64 = 10 * 1024 * 1024;

pub(super) enum Composed {
    Letter(Box<Letter>),
    Outdated(&'static str),
}

struct Desk<'a> {
    app: &'a App,
    caller: Caller,
    guide: std::sync::Arc<Guide>,
    order: Order,
    lines: Vec<OrderLine>,
    /// As they are spoken to; empty when nobody knows.
    name: String,
    bot: Option<String>,
    program: ProgramState,
}

/// Errors: [`Error::Internal`] for a row nobody can read; whatever the database and the file store say.
pub(super) async fn compose(app: &App, tenant: &TenantId, delivery: &ClaimedDelivery) -> Result<Composed> {
    let kept: Kept = serde_json::from_str(&delivery.content)
        .map_err(|error| Error::internal(format!("letter {} can't be read: {error}", delivery.id)))?;
    let order = OrderId::parse(&delivery.address)
        .ok_or_else(|| Error::internal(format!("letter {} is about no order", delivery.id)))?;
    let desk = Desk::load(app, tenant, &order).await?;
    let Some(Contact::Email(to)) = contact_of(&desk.order) else {
        return Ok(Composed::Outdated("the order has no e-mail address"));
    };
    let is_given = matches!(desk.order.status, OrderStatus::Paid | OrderStatus::Fulfilled);
    let mut attachment = None;
    let page = match &kept.about {
        About::Paid if !is_given => return Ok(Composed::Outdated("the order's money was given back")),
        About::Ready { .. } if !is_given => return Ok(Composed::Outdated("the order's money was given back")),
        About::Paid => desk.paid()?,
        About::Ready { program } => {
            let Some((page, file)) = desk.ready(tenant, program).await? else {
                return Ok(Composed::Outdated("a newer version takes its place"));
            };
            attachment = file;
            page
        }
        About::Refunded { refund } => {
            let mut tx = app.tenant(tenant).read().await?;
            let refund = tx
                .find_refund(refund)
                .await?
                .ok_or(Error::NotFound { what: "refund" })?;
            desk.refunded(&refund.amount.format(desk.language()))?
        }
        About::ByHand => desk.by_hand()?,
        About::Short { payment } => {
            let Some(page) = desk.short(tenant, payment).await? else {
                return Ok(Composed::Outdated("nothing is left to pay for the order"));
            };
            page
        }
    };
    Ok(Composed::Letter(Box::new(Letter {
        to,
        from_name: desk.guide.brand.name.clone(),
        subject: page.subject.clone(),
        text: page.text(),
        html: page.html(),
        id: delivery.id.to_string(),
        written_at: kept.written_at,
        attachment,
    })))
}

impl<'a> Desk<'a> {
    async fn load(app: &'a App, tenant: &TenantId, order: &OrderId) -> Result<Self> {
        let guide = settings::guide(app, tenant).await?;
        let mut tx = app.tenant(tenant).read().await?;
        let order = tx.find_order(order).await?.ok_or(Error::NotFound { what: "order" })?;
        let lines = tx.order_lines(&order).await?;
        let client = tx
            .find_client(&order.client)
            .await?
            .ok_or(Error::NotFound { what: "client" })?;
        let program = checkout::program_of(&mut tx, &order, &lines).await?;
        drop(tx);
        let bot = site_link::bot_address(app, tenant, &order, &guide.brand).await?;
        let name = called(&client.display_name);
        Ok(Self {
            app,
            caller: super::caller(app, tenant),
            // An address or a number in the place of a name is nothing to greet by.
            name: if name.chars().any(char::is_alphabetic) && !name.contains('@') {
                name.to_owned()
            } else {
                String::new()
            },
            guide,
            order,
            lines,
            bot,
            program,
        })
    }

    const fn language(&self) -> Language {
        self.order.language
    }

    fn texts(&self) -> &Texts {
        self.guide.texts(self.language())
    }

    /// A text with everything letters put in.
    fn words(&self, template: &str, more: &[(&str, &str)]) -> Vec<Span> {
        let hours = self.guide.brand.reply_hours.to_string();
        let what = titles(&self.lines, self.language());
        let days = checkout::LINK_DAYS.to_string();
        let mut values = vec![
            ("name", self.name.as_str()),
            ("what", what.as_str()),
            ("trainer", self.guide.brand.trainer.as_str()),
            ("brand", self.guide.brand.name.as_str()),
            ("hours", hours.as_str()),
            ("days", days.as_str()),
        ];
        values.extend_from_slice(more);
        rich(template, &values)
    }

    fn line(&self, template: &str, more: &[(&str, &str)]) -> String {
        self.words(template, more).into_iter().map(|span| span.text).collect()
    }

    fn page(&self, subject: &str, more: &[(&str, &str)]) -> Page {
        let texts = self.texts();
        let hello = if self.name.is_empty() {
            &texts.letter_hello_nameless
        } else {
            &texts.letter_hello
        };
        let brand = &self.guide.brand;
        let contacts = brand.contacts.get(self.language());
        let documents = match self.language() {
            Language::Ru => "[Оферта]({terms}) · [Персональные данные]({privacy})",
            Language::En => "[Terms of sale]({terms}) · [Personal data]({privacy})",
        };
        Page {
            language: Some(self.language()),
            subject: self.line(subject, more),
            brand: brand.name.clone(),
            parts: vec![Part::Words(self.words(hello, &[]))],
            footer: vec![
                self.words(&texts.letter_footer, &[]),
                rich("{contacts}", &[("contacts", contacts)]),
                rich(
                    documents,
                    &[
                        ("terms", brand.terms_url.as_str()),
                        ("privacy", brand.privacy_url.as_str()),
                    ],
                ),
            ],
        }
    }

    fn order_page(&self) -> Result<String> {
        let mut url = order_url(self.app, &self.order.id)?;
        url.query_pairs_mut().append_pair("lang", self.language().code());
        Ok(url.to_string())
    }

    fn order_part(&self) -> Part {
        let language = self.language();
        let rows = self
            .lines
            .iter()
            .map(|line| (line.title.get(language).to_owned(), line.total.format(language)))
            .collect();
        let total = match language {
            Language::Ru => "Оплачено",
            Language::En => "Paid",
        };
        Part::Order {
            rows,
            total: (total.to_owned(), self.order.total.format(language)),
        }
    }

    fn paid(&self) -> Result<Page> {
        let texts = self.texts();
        let mut page = self.page(&texts.letter_paid_subject, &[]);
        page.parts.push(Part::Words(self.words(&texts.letter_paid, &[])));
        page.parts.push(self.order_part());
        let mut go = Part::Go {
            label: texts.button_letter_order.clone(),
            url: self.order_page()?,
        };
        let mut link = self.bot.as_ref().map(|bot| Part::Link {
            label: texts.button_letter_bot.clone(),
            url: bot.clone(),
        });
        match (&self.program, &self.bot) {
            (ProgramState::NeedsAnswers, Some(bot)) => {
                page.parts
                    .push(Part::Words(self.words(&texts.letter_paid_answers, &[])));
                link = Some(Part::Link {
                    label: texts.button_letter_order.clone(),
                    url: self.order_page()?,
                });
                go = Part::Go {
                    label: texts.button_letter_answer.clone(),
                    url: bot.clone(),
                };
            }
            (ProgramState::NeedsAnswers, None) => {
                page.parts
                    .push(Part::Words(self.words(&texts.letter_paid_answers_no_bot, &[])));
            }
            (ProgramState::Making, _) => {
                page.parts.push(Part::Words(self.words(&texts.letter_paid_making, &[])));
            }
            (ProgramState::Reviewing, _) => {
                page.parts
                    .push(Part::Words(self.words(&texts.letter_paid_reviewed, &[])));
            }
            (ProgramState::NotBought | ProgramState::WithTrainer | ProgramState::Ready(_), _) => {}
        }
        let has_person = self
            .lines
            .iter()
            .flat_map(|line| &line.grants)
            .any(|grant| *grant != Grant::FullProgram);
        if has_person || self.program == ProgramState::WithTrainer {
            page.parts.push(Part::Words(self.words(&texts.letter_paid_person, &[])));
        }
        page.parts.push(go);
        page.parts.extend(link);
        Ok(page)
    }

    /// `None`: this version is not the one to send any more.
    async fn ready(&self, tenant: &TenantId, program: &ProgramId) -> Result<Option<(Page, Option<Attachment>)>> {
        let mut tx = self.app.tenant(tenant).read().await?;
        let found = tx
            .find_program(program)
            .await?
            .ok_or(Error::NotFound { what: "program" })?;
        let (Some(file), true) = (&found.file, found.status == "ready") else {
            return Ok(None);
        };
        let stored = tx.find_file(file).await?.ok_or(Error::NotFound { what: "file" })?;
        drop(tx);
        let texts = self.texts();
        let (subject, words) = if found.parent.is_some() {
            (&texts.letter_updated_subject, &texts.letter_updated)
        } else {
            (&texts.letter_ready_subject, &texts.letter_ready)
        };
        let mut page = self.page(subject, &[]);
        page.parts.push(Part::Words(self.words(words, &[])));
        let attachment = if stored.size <= MAX_ATTACHED_BYTES {
            page.parts
                .push(Part::Words(self.words(&texts.letter_ready_attached, &[])));
            Some(self.attach(file).await?)
        } else {
            None
        };
        page.parts.push(Part::Go {
            label: texts.button_letter_download.clone(),
            url: self.download()?,
        });
        page.parts.push(Part::Small(self.words(&texts.letter_link_life, &[])));
        page.parts.push(Part::Link {
            label: texts.button_letter_order.clone(),
            url: self.order_page()?,
        });
        if let Some(bot) = &self.bot {
            page.parts.push(Part::Link {
                label: texts.button_letter_bot.clone(),
                url: bot.clone(),
            });
        }
        Ok(Some((page, attachment)))
    }

    async fn attach(&self, file: &FileId) -> Result<Attachment> {
        let (stored, bytes) = operate::read_file(self.app, &self.caller, file).await?;
        Ok(Attachment {
            name: stored.name,
            mime_type: stored.mime_type,
            bytes,
        })
    }

    /// A link that opens the programme by itself, for a while.
    fn download(&self) -> Result<String> {
        let link = checkout::program_link(self.app, &self.caller, &self.order.id);
        let mut url = order_url(self.app, &self.order.id)?;
        url.path_segments_mut()
            .map_err(|()| Error::internal("PUBLIC_URL takes no path"))?
            .push("program");
        url.query_pairs_mut()
            .append_pair("lang", self.language().code())
            .append_pair("until", &link.until.millis().to_string())
            .append_pair("signature", &link.signature);
        Ok(url.to_string())
    }

    fn refunded(&self, sum: &str) -> Result<Page> {
        let texts = self.texts();
        let mut page = self.page(&texts.letter_refunded_subject, &[("sum", sum)]);
        page.parts
            .push(Part::Words(self.words(&texts.letter_refunded, &[("sum", sum)])));
        page.parts.push(Part::Go {
            label: texts.button_letter_order.clone(),
            url: self.order_page()?,
        });
        Ok(page)
    }

    /// `None`: the rest has come, or the order has ended.
    async fn short(&self, tenant: &TenantId, payment: &PaymentId) -> Result<Option<Page>> {
        let mut tx = self.app.tenant(tenant).read().await?;
        let payment = tx
            .find_payment(payment)
            .await?
            .ok_or(Error::NotFound { what: "payment" })?;
        let due = funds::due(&mut tx, &self.order).await?;
        drop(tx);
        if !self.order.status.is_payable() || due.is_zero() {
            return Ok(None);
        }
        let (sum, rest) = (payment.amount.format(self.language()), due.format(self.language()));
        let values = [("sum", sum.as_str()), ("rest", rest.as_str())];
        let texts = self.texts();
        let mut page = self.page(&texts.letter_short_subject, &values);
        page.parts.push(Part::Words(self.words(&texts.letter_short, &values)));
        page.parts.push(Part::Go {
            label: texts.button_pay_rest.clone(),
            url: self.order_page()?,
        });
        Ok(Some(page))
    }

    fn by_hand(&self) -> Result<Page> {
        let texts = self.texts();
        let mut page = self.page(&texts.letter_by_hand_subject, &[]);
        page.parts.push(Part::Words(self.words(&texts.letter_by_hand, &[])));
        page.parts.push(Part::Go {
            label: texts.button_letter_order.clone(),
            url: self.order_page()?,
        });
        page.parts.extend(self.bot.as_ref().map(|bot| Part::Link {
            label: texts.button_letter_bot.clone(),
            url: bot.clone(),
        }));
        Ok(page)
    }
}
