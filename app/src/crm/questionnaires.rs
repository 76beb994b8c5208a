//! Questionnaires: what clients answered, the form they answer, where they stop.

use std::collections::HashMap;

use domain::ids::{ClientId, QuestionnaireId};
use domain::language::{Language, Localized};
use domain::questionnaire::{Answer, Form, FormError, Question};
use domain::time::Timestamp;
use serde_json::json;
use store::{DropOff, FormRow, PageOf, PageRequest, Questionnaire, QuestionnaireFilter, StoredAnswer, Tx};

use super::{check_cursor, parse_id};
use crate::access::audit;
use crate::{App, Caller, Error, FieldProblem, Result, settings};

/// Nobody finishes more.
const MAX_QUESTIONS: usize = 50;
/// What a messenger shows in one message, with room for the rest of it.
const MAX_TEXT_CHARS: usize = 1_000;
/// A button's or summary line's width.
const MAX_LABEL_CHARS: usize = 60;

/// A question of today's form, or one that was asked before it was removed, with its answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered {
    pub id: String,
    pub text: Localized,
    pub label: Localized,
    pub is_removed: bool,
    /// In words, in both languages.
    pub words: Option<Localized>,
    pub raw: Option<Answer>,
    pub asked_at: Option<Timestamp>,
    pub answered_at: Option<Timestamp>,
    pub spent_ms: i64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    pub questionnaire: Questionnaire,
    pub questions: Vec<Answered>,
}

/// A version of the form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CurrentForm {
    pub form: Form,
    pub version: i64,
    pub author: String,
    pub created_at: Timestamp,
}

/// Newest first.
///
/// Errors: `Invalid` names `client` or `cursor`.
pub async fn list(
    app: &App,
    caller: &Caller,
    client: Option<&str>,
    status: Option<&str>,
    page: &PageRequest,
) -> Result<PageOf<Questionnaire>> {
    check_cursor::<QuestionnaireId>(page)?;
    let client = client.map(|id| parse_id::<ClientId>("client", id)).transpose()?;
    let filter = QuestionnaireFilter {
        client,
        status: status.map(str::to_owned),
    };
    Ok(app
        .tenant(&caller.tenant)
        .read()
        .await?
        .list_questionnaires(&filter, page)
        .await?)
}

/// One run, question by question.
///
/// Errors: `NotFound`.
pub async fn find(app: &App, caller: &Caller, id: &QuestionnaireId) -> Result<Run> {
    let mut tx = app.tenant(&caller.tenant).read().await?;
    let questionnaire = tx
        .find_questionnaire(id)
        .await?
        .ok_or(Error::NotFound { what: "questionnaire" })?;
    let today = current(&mut tx).await?;
    let begun_with = if questionnaire.form_version == today.version {
        None
    } else {
        tx.form_of_version(questionnaire.form_version)
            .await?
            .map(|row| read(&row))
            .transpose()?
    };
    let mut stored: HashMap<String, StoredAnswer> = HashMap::new();
    let mut order = Vec::new();
    for answer in tx.stored_answers(id).await? {
        order.push(answer.question.clone());
        stored.insert(answer.question.clone(), answer);
    }
    let mut questions: Vec<Answered> = today
        .form
        .questions
        .iter()
        .map(|question| answered(question, stored.remove(&question.id)))
        .collect();
    for removed in order {
        let Some(answer) = stored.remove(&removed) else {
            continue;
        };
        questions.push(match begun_with.as_ref().and_then(|form| form.question(&removed)) {
            Some(question) => Answered {
                is_removed: true,
                ..answered(question, Some(answer))
            },
            None => unknown(answer),
        });
    }
    Ok(Run {
        questionnaire,
        questions,
    })
}

fn answered(question: &Question, stored: Option<StoredAnswer>) -> Answered {
    let raw = stored.as_ref().and_then(|stored| stored.answer.clone());
    let words = raw.as_ref().map(|answer| {
        Localized::new(
            question.describe(answer, Language::Ru),
            question.describe(answer, Language::En),
        )
    });
    Answered {
        id: question.id.clone(),
        text: question.text.clone(),
        label: question.label.clone(),
        is_removed: false,
        words,
        raw,
        asked_at: stored.as_ref().map(|stored| stored.asked_at),
        answered_at: stored.as_ref().and_then(|stored| stored.answered_at),
        spent_ms: stored.map_or(0, |stored| stored.spent_ms),
    }
}

/// A question that neither today's form nor the one the run began with has: all that is left is its id.
fn unknown(stored: StoredAnswer) -> Answered {
    let name = Localized::new(stored.question.clone(), stored.question.clone());
    Answered {
        id: stored.question,
        text: name.clone(),
        label: name,
        is_removed: true,
        words: None,
        raw: stored.answer,
        asked_at: Some(stored.asked_at),
        answered_at: stored.answered_at,
        spent_ms: stored.spent_ms,
    }
}

/// The form in force.
pub async fn form(app: &App, caller: &Caller) -> Result<CurrentForm> {
    current(&mut app.tenant(&caller.tenant).read().await?).await
}

/// The newest version; before anybody saved one, the shipped questions as version 0.
async fn current(tx: &mut Tx) -> Result<CurrentForm> {
    Ok(match tx.current_form().await? {
        Some(row) => CurrentForm {
            form: read(&row)?,
            version: row.version,
            author: row.author,
            created_at: row.created_at,
        },
        None => CurrentForm {
            form: settings::shipped_form()?,
            version: 0,
            author: "system".to_owned(),
            created_at: Timestamp::default(),
        },
    })
}

fn read(row: &FormRow) -> Result<Form> {
    serde_json::from_str(&row.definition)
        .map_err(|error| Error::internal(format!("form {} can't be read: {error}", row.id)))
}

/// Saves the next version, if `version` is still current. People in the middle go on with the new questions and keep
/// their answers.
///
/// Errors: `VersionConflict`; `Invalid` names the question as `questions/<place>`.
pub async fn save_form(app: &App, caller: &Caller, version: i64, form: Form) -> Result<CurrentForm> {
    check(&form)?;
    let definition =
        serde_json::to_string(&form).map_err(|error| Error::internal(format!("a form can't be written: {error}")))?;
    let mut tx = app.tenant(&caller.tenant).write().await?;
    let before = current(&mut tx).await?;
    if before.version != version {
        return Err(Error::VersionConflict { what: "form" });
    }
    let row = FormRow {
        id: app.new_id(),
        version: version + 1,
        definition,
        author: caller.actor.to_string(),
        created_at: app.now(),
    };
    tx.insert_form(&row).await.map_err(|error| {
        if error.is_unique_violation() {
            Error::VersionConflict { what: "form" }
        } else {
            error.into()
        }
    })?;
    let details = json!({ "version": row.version, "questions": form.questions.len() });
    tx.record_audit(&audit(
        app,
        caller,
        "questionnaire_form.saved",
        row.id.as_ref(),
        details,
    ))
    .await?;
    tx.commit().await?;
    settings::forget(app, &caller.tenant);
    Ok(CurrentForm {
        form,
        version: row.version,
        author: row.author,
        created_at: row.created_at,
    })
}

fn check(form: &Form) -> Result<()> {
    if form.questions.len() > MAX_QUESTIONS {
        return Err(Error::invalid(
            "questions",
            "length",
            format!("a form has {MAX_QUESTIONS} questions at most"),
        ));
    }
    form.validate()
        .map_err(|error| Error::Invalid(vec![problem(form, &error)]))?;
    let mut wrong = Vec::new();
    for (place, question) in form.questions.iter().enumerate() {
        let labels = std::iter::once(&question.label).chain(question.options().iter().map(|option| &option.label));
        let is_long =
            |text: &Localized, limit: usize| text.ru.chars().count() > limit || text.en.chars().count() > limit;
        let texts = std::iter::once(&question.text).chain(&question.why);
        if texts.into_iter().any(|text| is_long(text, MAX_TEXT_CHARS))
            || labels.into_iter().any(|label| is_long(label, MAX_LABEL_CHARS))
        {
            wrong.push(FieldProblem::new(
                format!("questions/{place}"),
                "length",
                format!(
                    "question {}: texts have {MAX_TEXT_CHARS} characters at most, labels {MAX_LABEL_CHARS}",
                    question.id
                ),
            ));
        }
    }
    if wrong.is_empty() {
        Ok(())
    } else {
        Err(Error::Invalid(wrong))
    }
}

fn problem(form: &Form, error: &FormError) -> FieldProblem {
    let (code, id) = match error {
        FormError::Empty => ("empty", None),
        FormError::BadId(id) => ("bad_id", Some(id)),
        FormError::DuplicateId(id) => ("duplicate_id", Some(id)),
        FormError::MissingText(id) => ("missing_text", Some(id)),
        FormError::BadOptions(id) => ("bad_options", Some(id)),
        FormError::BadRange(id) => ("bad_range", Some(id)),
        FormError::BadCondition(id) => ("bad_condition", Some(id)),
    };
    let place = id.and_then(|id| {
        let is_it = |question: &Question| question.id == *id;
        // Of two questions with one id it is the second that is wrong.
        if matches!(error, FormError::DuplicateId(_)) {
            form.questions.iter().rposition(is_it)
        } else {
            form.questions.iter().position(is_it)
        }
    });
    let field = place.map_or_else(|| "questions".to_owned(), |place| format!("questions/{place}"));
    FieldProblem::new(field, code, error.to_string())
}

/// Per question in the form's order (removed ones last), over runs that began since `since`.
pub async fn drop_off(app: &App, caller: &Caller, since: Timestamp) -> Result<Vec<(DropOff, Localized)>> {
    let mut tx = app.tenant(&caller.tenant).read().await?;
    let form = current(&mut tx).await?.form;
    let place = |id: &str| {
        form.questions
            .iter()
            .position(|question| question.id == id)
            .unwrap_or(usize::MAX)
    };
    let mut rows = tx.drop_off(since).await?;
    rows.sort_by_key(|row| place(&row.question));
    Ok(rows
        .into_iter()
        .map(|row| {
            let label = form.question(&row.question).map_or_else(
                || Localized::new(row.question.clone(), row.question.clone()),
                |question| question.label.clone(),
            );
            (row, label)
        })
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_with_a_form_names_the_question() {
        let shipped = settings::shipped_form().unwrap();
        assert!(check(&shipped).is_ok());
        let mut doubled = shipped.clone();
        doubled.questions.push(shipped.questions[0].clone());
        let Err(Error::Invalid(fields)) = check(&doubled) else {
            panic!("one id twice")
        };
        assert_eq!(fields[0].field, format!("questions/{}", shipped.questions.len()));
        assert_eq!(fields[0].code, "duplicate_id");
    }
}
