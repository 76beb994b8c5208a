//! What the payer has to do, or may do, once there is nothing to pay: the programme, the bot, the same once more.

use app::pay::checkout::ProgramState;
use domain::language::Language;
use domain::order::Grant;

use super::{Drawing, Moment, address};
use crate::admin_pages::page::escape;

impl Drawing<'_> {
    pub(super) fn next_steps(&self) -> String {
        let view = self.view;
        let brand = &view.guide.brand;
        let mut text = format!("<h2>{}</h2>\n", self.say("Что дальше", "What comes next"));
        match &view.program {
            ProgramState::NotBought | ProgramState::WithTrainer => {}
            ProgramState::Ready(_) => {
                if let Some(link) = &self.link {
                    let address = format!(
                        "{}&until={}&signature={}",
                        address(&view.order.id, "/program", self.language),
                        link.until.millis(),
                        link.signature
                    );
                    text.push_str(&format!(
                        "<p>{}</p>\n<a class=\"go\" href=\"{}\">{}</a>\n<p class=\"small\">{}</p>\n",
                        self.say("Ваша программа готова.", "Your programme is ready."),
                        escape(&address),
                        self.say("Скачать программу (PDF)", "Download the programme (PDF)"),
                        self.say(
                            "Ссылка работает 7 дней; на этой странице всегда есть новая.",
                            "The link works for 7 days; this page always has a fresh one."
                        )
                    ));
                }
            }
            ProgramState::Making | ProgramState::Reviewing => {
                text.push_str(&format!("<p>{} {}</p>\n", escape(&self.being_made()), self.where_it_comes()));
            }
            ProgramState::NeedsAnswers if view.bot.is_some() => text.push_str(&format!(
                "<p>{}</p>\n",
                self.say(
                    "Чтобы собрать программу, нужны ответы на несколько вопросов: это три минуты в боте. Он спросит, соберёт программу и пришлёт её.",
                    "To make your programme we need a few answers: three minutes in the bot. It asks, makes the programme and sends it."
                )
            )),
            ProgramState::NeedsAnswers => {
                let words = match self.language {
                    Language::Ru => format!(
                        "Чтобы собрать программу, нужны ответы на несколько вопросов. {} напишет вам, обычно в течение {} ч.",
                        brand.trainer, brand.reply_hours
                    ),
                    Language::En => format!(
                        "To make your programme we need a few answers. {} will write to you, usually within {} h.",
                        brand.trainer, brand.reply_hours
                    ),
                };
                text.push_str(&format!("<p>{}</p>\n", escape(&words)));
            }
        }
        let has_person = [Grant::Coaching, Grant::NutritionPlan, Grant::ByHand]
            .into_iter()
            .any(|grant| view.gives(grant));
        if has_person || view.program == ProgramState::WithTrainer {
            let hours = brand.reply_hours;
            let words = match self.language {
                Language::Ru => format!("{} напишет вам, обычно в течение {hours} ч.", brand.trainer),
                Language::En => format!("{} will write to you, usually within {hours} h.", brand.trainer),
            };
            text.push_str(&format!("<p>{}</p>\n", escape(&words)));
        }
        text
    }

    fn being_made(&self) -> String {
        let trainer = &self.view.guide.brand.trainer;
        match (&self.view.program, self.language) {
            (ProgramState::Reviewing, Language::Ru) => {
                format!("Собираем вашу программу; {trainer} посмотрит её перед отправкой.")
            }
            (ProgramState::Reviewing, Language::En) => {
                format!("Your programme is being made; {trainer} looks at it before it goes out.")
            }
            (_, Language::Ru) => "Собираем вашу программу, обычно это пара минут.".to_owned(),
            (_, Language::En) => "Your programme is being made, usually within two minutes.".to_owned(),
        }
    }

    fn where_it_comes(&self) -> &'static str {
        match (self.view.is_in_telegram, self.view.gets_letters) {
            (true, _) => self.say(
                "Она появится здесь и придёт в Telegram.",
                "It appears here and comes to Telegram.",
            ),
            (false, true) => self.say(
                "Она появится здесь и придёт на почту.",
                "It appears here and comes by e-mail.",
            ),
            (false, false) => self.say("Она появится здесь.", "It appears here."),
        }
    }

    pub(super) fn once_more(&self, moment: Moment) -> String {
        if let Some(successor) = &self.view.successor {
            return format!(
                "<a class=\"go\" href=\"{}\">{}</a>\n",
                escape(&address(successor, "", self.language)),
                self.say("Перейти к новому заказу", "Go to the new order")
            );
        }
        if moment == Moment::Canceled
            && self
                .view
                .payment
                .as_ref()
                .is_some_and(|payment| payment.status.is_paid())
        {
            return String::new();
        }
        format!(
            "<p>{}</p>\n<form method=\"post\" action=\"{}\"><button class=\"go\">{}</button></form>\n",
            self.say(
                "То же самое можно заказать ещё раз по сегодняшней цене.",
                "You can order the same once more at today's price."
            ),
            escape(&address(&self.view.order.id, "/again", self.language)),
            self.say("Заказать ещё раз", "Order again")
        )
    }

    pub(super) fn to_bot(&self) -> String {
        let (class, title) = if self.view.program == ProgramState::NeedsAnswers {
            ("go", self.say("Ответить в боте", "Answer in the bot"))
        } else {
            ("second", self.say("Открыть бот в Telegram", "Open the bot in Telegram"))
        };
        self.view
            .bot
            .as_ref()
            .map(|link| format!("<a class=\"{class}\" href=\"{}\">{title}</a>\n", escape(link)))
            .unwrap_or_default()
    }
}
