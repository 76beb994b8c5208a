//! The words of a programme: a model's if they come in time and pass the check, else ours.

mod parts;
pub mod record;

use std::time::Duration;

use domain::content::{Content, Span, Style};
use domain::ids::{ProgramId, RequestId, TenantId};
use domain::language::Language;
use domain::profile::Profile;
use domain::time::local_date;
use futures::StreamExt as _;
use programs::programme::Programme;
use programs::wording::{self, Reason, Verdict, Wording};
use providers::llm::{self, Completion, Llm, LlmConfig, Prompt, Tokens};
use serde::Serialize;
use serde_json::Value;
use store::{NewWordingCall, Tx};
use tokio::time::Instant;

use crate::context::App;
use crate::deliver::notify_trainers;
use crate::error::Result;
use crate::settings::Guide;
use crate::settings::wording::WordingSetting;
use crate::work::Task;

use parts::Part;
use record::{AskedPart, Failure, Record, Request};

/// Providers allow ten requests at a time; somebody else wants some of them.
const PARALLEL: usize = 6;

/// How a programme came about, for the trainer to see.
#[derive(Debug, Serialize)]
pub(crate) struct Provenance {
    pub(crate) relaxations: Vec<String>,
    #[serde(flatten)]
    pub(crate) record: Record,
}

impl Provenance {
    /// `llm`, `llm_corrected` or `plain`.
    pub(crate) fn wording_code(&self) -> &'static str {
        match self.record.verdict.as_str() {
            "accepted" => "llm",
            "partly_replaced" => "llm_corrected",
            _ => "plain",
        }
    }
}

/// Words a version, keeps what that cost, and tells the owner once a day what only they can mend. Never an error: behind
/// the model waits the plain wording.
pub(crate) async fn word(
    app: &App,
    task: &Task,
    guide: &Guide,
    program: &ProgramId,
    programme: &Programme,
    profile: &Profile,
    language: Language,
) -> (Wording, Provenance) {
    let setting = &guide.wording;
    let (words, record) = ask(app, setting, setting.deadline(), programme, profile, language).await;
    if record.was_asked() {
        let outcome = account(app, task, setting, program, &record).await;
        if let Err(error) = outcome {
            tracing::error!(
                error = &error as &dyn std::error::Error,
                "the cost of a wording could not be written down"
            );
        }
    }
    let provenance = Provenance {
        relaxations: programme.explanation.iter().map(|step| step.text(language)).collect(),
        record,
    };
    (words, provenance)
}

/// Asks the model of `setting` and checks what it says. Nothing is stored.
pub(crate) async fn ask(
    app: &App,
    setting: &WordingSetting,
    within: Duration,
    programme: &Programme,
    profile: &Profile,
    language: Language,
) -> (Wording, Record) {
    let plain = wording::plain(programme, profile, language);
    let (Some(llm), Some(config)) = (app.llm(), setting.config()) else {
        return (plain, Record::plain());
    };
    let started = Instant::now();
    let deadline = started + within;
    let system = system_prompt(language, &setting.extra_prompt);
    let parts = parts::split(programme, setting.answer_tokens);
    let asking: Vec<_> = parts
        .iter()
        .map(|part| ask_part(llm, &config, &system, part, profile, language, deadline))
        .collect();
    let asked: Vec<(Request, Completion)> = futures::stream::iter(asking).buffered(PARALLEL).collect().await;
    let mut record = Record {
        model: Some(config.name()),
        currency: setting.price.currency.clone(),
        duration_ms: u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
        ..Record::plain()
    };
    let (mut texts, mut tokens) = (Vec::new(), Tokens::default());
    for ((request, completion), part) in asked.into_iter().zip(&parts) {
        tokens += completion.tokens();
        let text = match &completion.outcome {
            Ok(answer) => {
                record.answered_by = Some(answer.model.clone()).filter(|model| !model.is_empty());
                Some(answer.text.clone())
            }
            // Only what can't be read is shown to the checker, for its reason; a refusal or a half is no wording.
            Err(llm::Error::Unreadable) => completion.unusable.clone(),
            Err(error) => {
                record.note_failure(error);
                None
            }
        };
        record.parts.push(AskedPart::of(part, request, &completion));
        texts.push(text);
    }
    record.prompt_tokens = tokens.prompt;
    record.answer_tokens = tokens.answer;
    record.cost_micros = setting.price.cost_micros(tokens);
    if let Some(failure) = &record.error {
        tracing::warn!(code = failure.code, model = %config.name(), "the model gave no words for all of a programme");
    }
    let Some(answer) = parts::join(&texts) else {
        record.reasons = record.error.iter().map(|error| error.text(language)).collect();
        return (plain, record);
    };
    let checked = wording::check(programme, profile, language, &answer);
    record.judge(&checked.verdict, &answer, &checked.wording, language);
    (checked.wording, record)
}

async fn ask_part(
    llm: &Llm,
    config: &LlmConfig,
    system: &str,
    part: &Part,
    profile: &Profile,
    language: Language,
    deadline: Instant,
) -> (Request, Completion) {
    let user = serde_json::to_value(wording::request(&part.programme, profile, language)).unwrap_or_default();
    let text = user.to_string();
    let schema = wording::answer_schema();
    let is_readable = |answer: &str| {
        let checked = wording::check(&part.programme, profile, language, answer);
        !matches!(&checked.verdict, Verdict::Rejected { reasons }
            if reasons.iter().any(|reason| matches!(reason, Reason::BrokenJson | Reason::AnswerTooLarge)))
    };
    let prompt = Prompt {
        system,
        user: &text,
        schema: &schema,
        is_readable: &is_readable,
        repair: repair(language),
    };
    let completion = llm.complete(config, &prompt, deadline).await;
    let request = Request {
        system: system.to_owned(),
        user,
    };
    (request, completion)
}

/// Our rules, then the owner's wishes, which can't switch them off: the checker would throw such words out anyway.
fn system_prompt(language: Language, extra: &str) -> String {
    let rules = wording::system_prompt(language);
    let extra = extra.trim();
    if extra.is_empty() {
        return rules.to_owned();
    }
    match language {
        Language::Ru => format!(
            "{rules}\n\nПожелания тренера к тону и словам (между чертами):\n---\n{extra}\n---\nПравила выше важнее пожеланий: \
             если они расходятся, следуй правилам."
        ),
        Language::En => format!(
            "{rules}\n\nThe coach's wishes for tone and words (between the lines):\n---\n{extra}\n---\nThe rules above come \
             before the wishes: where they differ, follow the rules."
        ),
    }
}

const fn repair(language: Language) -> &'static str {
    match language {
        Language::Ru => {
            "Прошлый ответ не удалось разобрать. Верни один целый объект JSON по схеме, от первой скобки до последней, и \
             больше ничего."
        }
        Language::En => {
            "The answer before could not be read. Return one whole JSON object by the schema, from the first brace to the \
             last, and nothing else."
        }
    }
}

/// The cost, and a word to the owner, in one transaction.
async fn account(app: &App, task: &Task, setting: &WordingSetting, program: &ProgramId, record: &Record) -> Result<()> {
    let mut tx = app.tenant(&task.tenant).write().await?;
    keep_cost(app, &mut tx, setting, Some(program), "programme", record).await?;
    let is_told = tell_the_owner(app, &mut tx, &task.tenant, &task.request_id, record).await?;
    tx.commit().await?;
    if is_told {
        app.wake_deliveries();
    }
    Ok(())
}

/// Writes down what a wording cost; nothing when nobody was asked.
pub(crate) async fn keep_cost(
    app: &App,
    tx: &mut Tx,
    setting: &WordingSetting,
    program: Option<&ProgramId>,
    purpose: &'static str,
    record: &Record,
) -> Result<()> {
    let Some(dialect) = setting.provider.dialect().filter(|_| record.was_asked()) else {
        return Ok(());
    };
    let zone: chrono_tz::Tz = tx.time_zone().await?.parse().unwrap_or(chrono_tz::Europe::Moscow);
    let count = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    let call = NewWordingCall {
        id: app.new_id(),
        program: program.cloned(),
        purpose,
        month: local_date(app.now(), zone).format("%Y-%m").to_string(),
        provider: dialect.code().to_owned(),
        model: setting.model_name().to_owned(),
        verdict: record.verdict.clone(),
        error: record.error.as_ref().map(|error| error.code.clone()),
        requests: record
            .parts
            .iter()
            .map(|part| i64::try_from(part.attempts.len()).unwrap_or_default())
            .sum(),
        prompt_tokens: count(record.prompt_tokens),
        answer_tokens: count(record.answer_tokens),
        cost_micros: record.cost_micros,
        currency: setting.price.currency.clone(),
        duration_ms: count(record.duration_ms),
        now: app.now(),
    };
    tx.insert_wording_call(&call).await?;
    Ok(())
}

/// Answers whether something was queued. The same trouble is told once a day.
async fn tell_the_owner(
    app: &App,
    tx: &mut Tx,
    tenant: &TenantId,
    request_id: &RequestId,
    record: &Record,
) -> Result<bool> {
    let Some(failure) = record.error.as_ref().filter(|failure| failure.is_for_the_owner) else {
        return Ok(false);
    };
    tracing::error!(tenant.id = %tenant, code = failure.code, "the wording service refuses; plain words go out until that is mended");
    let day = app.now().millis() / 86_400_000;
    let key = format!("wording:{day}:{}", failure.code);
    let told = notify_trainers(app, tx, None, "notice", Some(&key), request_id, |language| {
        trouble(failure, language)
    })
    .await?;
    Ok(told > 0)
}

fn trouble(failure: &Failure, language: Language) -> Content {
    let (title, tail) = match language {
        Language::Ru => (
            "⚠️ Сервис слов не отвечает",
            "Программы уходят вовремя, с нашими обычными словами. Пополните счёт или поправьте настройки модели, и слова \
             вернутся сами.",
        ),
        Language::En => (
            "⚠️ The wording service refuses",
            "Programmes go out in time, in our plain words. Top up the account or mend the model's settings and its words \
             come back by themselves.",
        ),
    };
    Content::text(vec![
        Span {
            text: title.to_owned(),
            style: Style::Bold,
        },
        Span {
            text: format!("\n\n{}\n\n{tail}", failure.text(language)),
            style: Style::Plain,
        },
    ])
}

/// What an answer says at a place, for the record.
fn field<'a>(value: &'a Value, name: &str) -> Option<&'a str> {
    value.get(name).and_then(Value::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wishes_come_after_the_rules_and_say_so() {
        for language in [Language::Ru, Language::En] {
            assert_eq!(system_prompt(language, "  "), wording::system_prompt(language));
            let prompt = system_prompt(language, "Пиши коротко");
            assert!(prompt.starts_with(wording::system_prompt(language)));
            assert!(prompt.contains("Пиши коротко"));
            assert!(!prompt.trim_end().ends_with("Пиши коротко"));
        }
    }
}
