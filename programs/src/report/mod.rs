//! Coverage and try-outs as pages of their own, to look at in a browser or to send as a file.

mod coverage;
mod page;
mod try_out;

pub use coverage::coverage_page;
pub use try_out::try_out_page;
