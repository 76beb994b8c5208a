//! The tables' versions, differences and troubles as the API shows them.

use api_types::crm::{
    CoverageTotals, FoundOutcome, FoundTemplates, TakeChanges, TemplateDifference, TemplateHealth, TemplateLinks,
    TemplateState, TemplateTrouble, TemplateVersion, TemplateVersionSource, VersionedTemplateSettings, WrongCell,
};
use app::crm::templates::reports::Health;
use app::crm::templates::{Found, Refusal, SourceView};
use app::refresh_templates::change::Applied;
use app::refresh_templates::{self, Trouble};
use axum::http::StatusCode;
use domain::language::{Language, Localized};
use domain::time::Timestamp;
use programs::table::{ImportError, ImportErrors};
use programs::templates::Difference;
use serde_json::Value;
use store::{Snapshot, SnapshotState};

use crate::extract::Versioned;
use crate::problem::{ApiError, ApiResult};
use crate::routes::clients::show_text;

/// More sentences than this fit no screen; the doctor lists them all.
const LISTED_CELLS: usize = 50;

pub(super) fn refuse(refusal: Refusal, language: Language) -> ApiError {
    match refusal {
        Refusal::Cells(errors) => {
            let mut problem = ApiError::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "wrong_cells",
                "The tables have wrong cells",
            );
            for error in errors.errors.iter().take(LISTED_CELLS) {
                problem = problem.with_field(place(error), "wrong_cell", error.message(language));
            }
            problem.with_detail(Trouble::Cells { errors }.text(language, 3))
        }
        Refusal::Away(trouble) => ApiError::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "sheet_unreadable",
            "The sheet can't be read",
        )
        .with_detail(trouble.text(language, LISTED_CELLS)),
        Refusal::Other(error) => error.into(),
    }
}

/// As a spreadsheet names it: `Men_12w_2!J12`.
fn place(error: &ImportError) -> String {
    match (&error.cell, error.row) {
        (Some(cell), _) => format!("{}!{cell}", error.sheet),
        (None, Some(row)) => format!("{}!{row}:{row}", error.sheet),
        (None, None) => error.sheet.clone(),
    }
}

pub(super) fn show_source(view: SourceView) -> ApiResult<Versioned<VersionedTemplateSettings>> {
    let body = VersionedTemplateSettings {
        version: view.version,
        tables: view
            .links
            .map(|[men, women, exercises]| TemplateLinks { men, women, exercises }),
        take_changes: match view.source.take_changes {
            refresh_templates::TakeChanges::AtOnce => TakeChanges::AtOnce,
            refresh_templates::TakeChanges::AfterApproval => TakeChanges::AfterApproval,
        },
        found: view.found.as_ref().map(show_found).transpose()?,
    };
    Ok(Versioned {
        version: view.version,
        body,
    })
}

pub(super) fn show_found(found: &Found) -> ApiResult<FoundTemplates> {
    Ok(FoundTemplates {
        outcome: match &found.applied {
            Applied::Unchanged(_) => FoundOutcome::Unchanged,
            Applied::InForce(_) => FoundOutcome::InForce,
            Applied::Pending(_) => FoundOutcome::Pending,
        },
        version: show_version(found.applied.snapshot().clone()),
        difference: show_difference(&found.difference)?,
    })
}

pub(super) fn show_difference(difference: &Difference) -> ApiResult<TemplateDifference> {
    Ok(TemplateDifference {
        is_empty: difference.is_empty(),
        summary: show_text(Localized::new(
            difference.summary(Language::Ru),
            difference.summary(Language::En),
        )),
        details: value(difference)?,
    })
}

pub(super) fn show_version(version: Snapshot) -> TemplateVersion {
    TemplateVersion {
        id: version.id.to_string(),
        number: version.number,
        source: match version.source.as_str() {
            "upload" => TemplateVersionSource::Upload,
            "shipped" => TemplateVersionSource::Shipped,
            _ => TemplateVersionSource::Sheet,
        },
        state: match version.state {
            SnapshotState::Kept => TemplateState::Kept,
            SnapshotState::Pending => TemplateState::Pending,
            SnapshotState::Used => TemplateState::Used,
            SnapshotState::Rejected => TemplateState::Rejected,
        },
        is_in_force: version.in_force_since.is_some(),
        in_force_since: version.in_force_since.map(Timestamp::to_utc),
        content_hash: version.content_hash,
        author: version.author,
        taken_at: version.taken_at.to_utc(),
        decided_by: version.decided_by,
        decided_at: version.decided_at.map(Timestamp::to_utc),
    }
}

pub(super) const fn show_totals(totals: programs::coverage::Totals) -> CoverageTotals {
    CoverageTotals {
        exact: totals.exact,
        relaxed: totals.relaxed,
        nothing: totals.nothing,
    }
}

pub(super) fn show_health(health: Health) -> ApiResult<TemplateHealth> {
    let mut warnings = Vec::new();
    if health.is_unreadable {
        warnings.push(Localized::new(
            "Служащая версия сделана для более старой программы и не читается: вместо неё служат встроенные таблицы.",
            "The version in force was made for an older program and can't be read: the shipped tables stand in for it.",
        ));
    }
    if let Some(pending) = &health.pending {
        warnings.push(Localized::new(
            format!("Версия {} ждёт решения тренера.", pending.number),
            format!("Version {} waits for the trainer's decision.", pending.number),
        ));
    }
    if !health.has_sheet {
        warnings.push(Localized::new(
            "Google Таблица не подключена: служат загруженные или встроенные таблицы.",
            "No Google spreadsheet is set: uploaded or shipped tables serve.",
        ));
    }
    if health.totals.relaxed > 0 {
        warnings.push(Localized::new(
            format!(
                "Сочетаний ответов без точного плана: {}; они получают ближайший.",
                health.totals.relaxed
            ),
            format!(
                "Combinations of answers without an exact plan: {}; they get the nearest one.",
                health.totals.relaxed
            ),
        ));
    }
    let trouble = health.trouble.map(|trouble| TemplateTrouble {
        since: health.look.trouble_since.map(Timestamp::to_utc),
        message: show_text(Localized::new(
            trouble.text(Language::Ru, LISTED_CELLS),
            trouble.text(Language::En, LISTED_CELLS),
        )),
        code: match &trouble {
            Trouble::Away { code, .. } => code.clone(),
            Trouble::Cells { .. } => "wrong_cells".to_owned(),
        },
        truncated: matches!(&trouble, Trouble::Cells { errors } if errors.truncated),
        cells: match &trouble {
            Trouble::Away { .. } => Vec::new(),
            Trouble::Cells { errors } => show_cells(errors),
        },
    });
    Ok(TemplateHealth {
        is_well: trouble.is_none() && health.holes.is_empty() && health.pending.is_none() && !health.is_unreadable,
        has_sheet: health.has_sheet,
        looked_at: health.look.looked_at.map(Timestamp::to_utc),
        well_at: health.look.well_at.map(Timestamp::to_utc),
        trouble,
        in_force: health.in_force.map(show_version),
        pending: health.pending.map(show_version),
        coverage: show_totals(health.totals),
        holes: values(&health.holes)?,
        warnings: warnings.into_iter().map(show_text).collect(),
    })
}

fn show_cells(errors: &ImportErrors) -> Vec<WrongCell> {
    errors
        .errors
        .iter()
        .map(|error| WrongCell {
            sheet: error.sheet.clone(),
            row: error.row,
            column: error.column.clone(),
            cell: error.cell.clone(),
            // The tag of the problem is its code.
            code: serde_json::to_value(&error.problem)
                .ok()
                .and_then(|problem| Some(problem.get("code")?.as_str()?.to_owned()))
                .unwrap_or_default(),
            message: show_text(Localized::new(error.message(Language::Ru), error.message(Language::En))),
        })
        .collect()
}

fn value(of: &impl serde::Serialize) -> ApiResult<Value> {
    serde_json::to_value(of).map_err(|error| ApiError::internal().with_cause(error))
}

pub(super) fn values<T: serde::Serialize>(of: &[T]) -> ApiResult<Vec<Value>> {
    of.iter().map(value).collect()
}
