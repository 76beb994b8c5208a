//! How often a model is asked, and when not again.

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout_at};

use super::{Answer, Dialect, End, Error, Failure, Form, Llm, LlmConfig, Prompt, Reply, Tokens, openai, yandex};

/// A server that is busy and does not say for how long gets this pause.
const USUAL_PAUSE: Duration = Duration::from_secs(1);
/// A second try with less time than this would only cost.
const WORTH_TRYING: Duration = Duration::from_secs(2);

/// Why a request was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    First,
    /// The server did not take the form of the answer that was asked for.
    OtherForm,
    /// The server was busy.
    Retry,
    /// The answer was no JSON.
    Repair,
}

impl Reason {
    pub const fn code(self) -> &'static str {
        match self {
            Self::First => "first",
            Self::OtherForm => "other_form",
            Self::Retry => "retry",
            Self::Repair => "repair",
        }
    }
}

/// One request and how it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    pub reason: Reason,
    /// `json_schema`, `json_schema_bare`, `json_object` or `text`.
    pub form: &'static str,
    pub tokens: Tokens,
    pub took: Duration,
    pub error: Option<Error>,
}

/// An answer or the reason there is none, with every request that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Completion {
    pub outcome: Result<Answer, Error>,
    /// The text of an answer that can't be used: cut off, held back, unreadable.
    pub unusable: Option<String>,
    pub attempts: Vec<Attempt>,
}

impl Completion {
    /// Failed attempts are paid for as well.
    pub fn tokens(&self) -> Tokens {
        let mut sum = Tokens::default();
        for attempt in &self.attempts {
            sum += attempt.tokens;
        }
        sum
    }
}

impl Llm {
    /// One answer or the reason there is none, never later than `deadline`.
    ///
    /// The question is put again once at most: in a moment when the server is busy and the wait it asks for ends in time,
    /// or with a word about JSON when the answer was none. What only the owner can mend is never tried again. A server that
    /// does not take the form of the answer is asked in a simpler one; nothing was generated then, so that does not count.
    pub async fn complete(&self, config: &LlmConfig, prompt: &Prompt<'_>, deadline: Instant) -> Completion {
        let mut attempts = Vec::new();
        let mut form = self.form_of(config);
        let mut reason = Reason::First;
        let mut has_second_try = true;
        let mut system = prompt.system.to_owned();
        loop {
            let started = Instant::now();
            let sent = timeout_at(deadline, self.ask(config, &system, prompt, form))
                .await
                .unwrap_or_else(|_| Err(Error::Timeout.into()));
            let mut attempt = Attempt {
                reason,
                form: form.code(),
                tokens: Tokens::default(),
                took: started.elapsed(),
                error: None,
            };
            let failure = match sent {
                Ok(reply) => {
                    attempt.tokens = reply.tokens;
                    self.remember_form(config, form);
                    let Some(error) = fault(&reply, prompt) else {
                        attempts.push(attempt);
                        return Completion {
                            outcome: Ok(Answer {
                                text: reply.text,
                                model: reply.model,
                            }),
                            unusable: None,
                            attempts,
                        };
                    };
                    let is_repairable = error == Error::Unreadable;
                    attempt.error = Some(error.clone());
                    attempts.push(attempt);
                    if is_repairable && has_second_try && Instant::now() + WORTH_TRYING < deadline {
                        has_second_try = false;
                        reason = Reason::Repair;
                        system = format!("{}\n\n{}", prompt.system, prompt.repair);
                        continue;
                    }
                    return Completion {
                        outcome: Err(error),
                        unusable: Some(reply.text),
                        attempts,
                    };
                }
                Err(failure) => failure,
            };
            attempt.error = Some(failure.error.clone());
            attempts.push(attempt);
            if failure.is_about_form
                && let Some(simpler) = form.simpler(config.dialect)
            {
                form = simpler;
                reason = Reason::OtherForm;
                continue;
            }
            let pause = failure.retry_after.unwrap_or(USUAL_PAUSE);
            if failure.error.may_pass() && has_second_try && Instant::now() + pause + WORTH_TRYING < deadline {
                has_second_try = false;
                reason = Reason::Retry;
                sleep(pause).await;
                continue;
            }
            return Completion {
                outcome: Err(failure.error),
                unusable: None,
                attempts,
            };
        }
    }

    async fn ask(&self, config: &LlmConfig, system: &str, prompt: &Prompt<'_>, form: Form) -> Result<Reply, Failure> {
        match config.dialect {
            Dialect::Yandex => yandex::ask(&self.http, config, system, prompt, form).await,
            Dialect::OpenAi | Dialect::ProxyApi | Dialect::YandexOpenAi => {
                openai::ask(&self.http, config, system, prompt, form).await
            }
        }
    }
}

fn fault(reply: &Reply, prompt: &Prompt<'_>) -> Option<Error> {
    match reply.end {
        End::CutOff => Some(Error::CutOff),
        End::Filtered => Some(Error::Filtered),
        End::Refused => Some(Error::Refused),
        End::Whole => (!(prompt.is_readable)(&reply.text)).then_some(Error::Unreadable),
    }
}
