//! Coverage and try-outs as pages of their own, to look at in a browser or to send as a file.

use domain::language::Language;

use crate::coverage::{Coverage, TryOut};

/// One page with every combination of answers and what it gets. Self-contained: no script, nothing from elsewhere.
pub fn coverage_page(coverage: &Coverage, title: &str, language: Language) -> String {
    let _ = coverage;
    let _ = language;
    title.to_owned()
}

/// One page with the invented clients and what each would get. Self-contained: no script, nothing from elsewhere.
pub fn try_out_page(try_out: &TryOut, title: &str, language: Language) -> String {
    let _ = try_out;
    let _ = language;
    title.to_owned()
}
