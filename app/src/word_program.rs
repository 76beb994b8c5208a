//! The words of a programme: a model's if they come in time and pass the check, else ours.

use domain::language::Language;
use domain::profile::Profile;
use programs::programme::Programme;
use programs::wording::{self, Verdict, Wording};
use providers::llm::Prompt;
use serde::Serialize;

use crate::context::App;

/// How a programme came about, for the trainer to see.
#[derive(Debug, Serialize)]
pub(crate) struct Provenance {
    pub(crate) relaxations: Vec<String>,
    pub(crate) model: Option<String>,
    /// What left for the model: de-identified by construction.
    pub(crate) request: Option<serde_json::Value>,
    pub(crate) answer: Option<String>,
    pub(crate) prompt_tokens: u64,
    pub(crate) answer_tokens: u64,
    pub(crate) verdict: String,
    pub(crate) reasons: Vec<String>,
}

/// The words: a model's if it answers in time and honestly, else ours. Never an error.
pub(crate) async fn word(
    app: &App,
    programme: &Programme,
    profile: &Profile,
    language: Language,
) -> (Wording, Provenance) {
    let mut provenance = Provenance {
        relaxations: programme.explanation.iter().map(|step| step.text(language)).collect(),
        model: None,
        request: None,
        answer: None,
        prompt_tokens: 0,
        answer_tokens: 0,
        verdict: "plain".into(),
        reasons: Vec::new(),
    };
    let plain = || wording::plain(programme, profile, language);
    let Some(llm) = app.llm() else {
        return (plain(), provenance);
    };
    let request = serde_json::to_value(wording::request(programme, profile, language)).unwrap_or_default();
    let user = request.to_string();
    provenance.model = Some(llm.name());
    provenance.request = Some(request);
    let prompt = Prompt {
        system: wording::system_prompt(language),
        user: &user,
        schema: wording::answer_schema(),
    };
    match llm.complete(&prompt).await {
        Ok(answer) => {
            let checked = wording::check(programme, profile, language, &answer.text);
            provenance.prompt_tokens = answer.prompt_tokens;
            provenance.answer_tokens = answer.answer_tokens;
            provenance.answer = Some(answer.text);
            provenance.reasons = checked
                .verdict
                .reasons()
                .iter()
                .map(|reason| reason.text(language))
                .collect();
            provenance.verdict = match &checked.verdict {
                Verdict::Accepted => "accepted",
                Verdict::PartlyReplaced { .. } => "partly_replaced",
                Verdict::Rejected { .. } => "rejected",
            }
            .into();
            (checked.wording, provenance)
        }
        Err(error) => {
            tracing::warn!(%error, "the model gave no words; the plain ones go out");
            provenance.reasons = vec![error.to_string()];
            (plain(), provenance)
        }
    }
}
