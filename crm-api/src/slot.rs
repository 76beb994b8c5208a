//! The place in which this process works, for its leases.

use std::net::SocketAddr;

/// This host since it was booted and the address listened on: only one living process can have it, so the next one in it
/// takes over at once what this one leaves behind. `None` where that can't be told: then the leases have to end.
pub(crate) fn of(address: SocketAddr) -> Option<String> {
    let kernel = |name: &str| std::fs::read_to_string(format!("/proc/sys/kernel/{name}")).ok();
    let boot: String = kernel("random/boot_id")?
        .chars()
        .filter(char::is_ascii_hexdigit)
        .take(16)
        .collect();
    let host: String = kernel("hostname")?
        .chars()
        .filter(|letter| letter.is_ascii_alphanumeric() || matches!(letter, '.' | '-' | '_'))
        .collect();
    (boot.len() == 16 && !host.is_empty()).then(|| format!("crm-api@{host}/{boot}/{address}"))
}
