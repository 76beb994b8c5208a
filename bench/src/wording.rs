//! What the checker makes of honest and of lying models: how much of their words reaches a client, and that no wrong
//! number does.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{anyhow, ensure};
use domain::language::Language;
use programs::programme::Scope;
use programs::templates::Templates;
use programs::wording::{Checked, Verdict};
use programs::{matching, wording};
use sandbox::LlmMode;
use serde_json::Value;

use crate::options::Options;
use crate::programmes::profile;
use crate::table::{Report, thousands};

#[expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "the tests' liar: it fails by panicking"
)]
#[path = "../../programs/tests/suite/liar.rs"]
mod liar;

/// How many answers fared how.
#[derive(Default)]
struct Fared {
    whole: usize,
    partly: usize,
    replaced: usize,
}

impl Fared {
    const fn count(&mut self, checked: &Checked) {
        match checked.verdict {
            Verdict::Accepted => self.whole += 1,
            Verdict::PartlyReplaced { .. } => self.partly += 1,
            Verdict::Rejected { .. } => self.replaced += 1,
        }
    }

    fn text(&self) -> String {
        let all = (self.whole + self.partly + self.replaced).max(1) as f64;
        let share = |count: usize| format!("{:.1} %", count as f64 * 100.0 / all);
        format!(
            "{} / {} / {}",
            share(self.whole),
            share(self.partly),
            share(self.replaced)
        )
    }
}

pub fn measure(options: &Options, report: &mut Report) -> anyhow::Result<()> {
    let count = options.wordings;
    report.section(format!(
        "Wording ({} programmes of 12 weeks, checked against the rows)",
        thousands(count as f64)
    ));
    let templates =
        Templates::shipped().map_err(|errors| anyhow!("the shipped templates: {}", errors.summary(Language::En)))?;
    let (mut honest_fared, mut lying_fared) = (Fared::default(), Fared::default());
    let mut lies: BTreeMap<liar::Lie, usize> = BTreeMap::new();
    let (mut wrong, mut unnoticed) = (0, 0);
    let mut checking = Duration::ZERO;
    for number in 0..count {
        let profile = profile(number);
        let language = if number.is_multiple_of(3) {
            Language::En
        } else {
            Language::Ru
        };
        let programme = matching::find(&templates, &profile, Scope::AllTwelveWeeks)
            .map_err(|error| anyhow!(error.text(Language::En)))?;
        let request = serde_json::to_string(&wording::request(&programme, &profile, language))?;
        let honest = sandbox::word_programme(&request, LlmMode::Ok);
        let begin = Instant::now();
        let checked = wording::check(&programme, &profile, language, &honest);
        checking += begin.elapsed();
        honest_fared.count(&checked);

        let other = if language == Language::En {
            Language::Ru
        } else {
            Language::En
        };
        let request = serde_json::to_string(&wording::request(&programme, &profile, other))?;
        let other: Value = serde_json::from_str(&sandbox::word_programme(&request, LlmMode::Ok))?;
        let honest: Value = serde_json::from_str(&honest)?;
        let truth = honest.to_string();
        let told = liar::lie(&programme, language, &honest, &other, number as u64);
        let checked = wording::check(&programme, &profile, language, &told.answer);
        lying_fared.count(&checked);
        wrong += liar::wrong(&programme, &told, &checked.wording);
        unnoticed += usize::from(checked.verdict == Verdict::Accepted && told.answer != truth);
        *lies.entry(told.lie).or_default() += 1;
    }
    report.plain(
        "honest: shown whole / in part / plain wording",
        honest_fared.text(),
        "> 95 % whole",
    );
    report.plain("lying: shown whole / in part / plain wording", lying_fared.text(), "");
    report.plain("lying: kinds of lies told", lies.len().to_string(), "");
    report.plain("lying: answers whose lie went unnoticed", unnoticed.to_string(), "0");
    report.plain(
        "lying: wrong numbers and false sentences that reached a client",
        wrong.to_string(),
        "0",
    );
    report.plain(
        "checking one answer",
        format!("{:.2} ms", checking.as_secs_f64() * 1000.0 / count.max(1) as f64),
        "",
    );
    ensure!(wrong == 0, "{wrong} wrong numbers or false sentences reached a client");
    Ok(())
}
