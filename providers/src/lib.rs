//! Whoever is outside: one module a system, wire types included.

pub mod files;
pub mod llm;
pub mod mail;
pub mod networks;
pub mod payments;
pub mod sheets;

use std::time::Duration;

/// How long a connection may take to come about; the whole of a call has its own deadline.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// A client that follows no redirect on its own: each adapter decides whom it trusts.
///
/// Errors: when TLS can't be set up.
pub fn http_client(extra_roots: &[reqwest::Certificate]) -> reqwest::Result<reqwest::Client> {
    let mut builder = reqwest::Client::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .redirect(reqwest::redirect::Policy::none())
        .user_agent(concat!("Voronka/", env!("CARGO_PKG_VERSION")));
    for root in extra_roots {
        builder = builder.add_root_certificate(root.clone());
    }
    builder.build()
}
