//! The name under which this bot holds its leases.

use std::{
    hash::{BuildHasher, RandomState},
    net::SocketAddr,
};

/// Enough to know a host by; the kernel allows 64.
const MAX_HOST: usize = 64;

/// `slot#run`. The slot is this host since it was booted and the address listened on, which only one living process can
/// have: the CRM gives the next one in it at once what this one leaves behind. Where that can't be told, there is no slot,
/// and the successor waits for the leases to end.
pub fn replica_name(addr: SocketAddr) -> String {
    let run = format!("{:016x}", RandomState::new().hash_one(0u8));
    match slot(addr) {
        Some(slot) => format!("{slot}#{run}"),
        None => format!("bot-{}-{run}", std::process::id()),
    }
}

fn slot(addr: SocketAddr) -> Option<String> {
    let kernel = |name: &str| std::fs::read_to_string(format!("/proc/sys/kernel/{name}")).ok();
    let boot: String = kernel("random/boot_id")?
        .chars()
        .filter(char::is_ascii_hexdigit)
        .take(16)
        .collect();
    let host: String = kernel("hostname")?
        .chars()
        .filter(|letter| letter.is_ascii_alphanumeric() || matches!(letter, '.' | '-' | '_'))
        .take(MAX_HOST)
        .collect();
    (boot.len() == 16 && !host.is_empty()).then(|| format!("bot@{host}/{boot}/{addr}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(target_os = "linux")]
    #[test]
    fn the_next_process_at_an_address_has_the_same_slot_and_another_name() {
        let slot_of = |name: &str| name.rsplit_once('#').unwrap().0.to_owned();
        let at = |port: u16| replica_name(SocketAddr::from(([127, 0, 0, 1], port)));
        let (first, second, elsewhere) = (at(8081), at(8081), at(8082));
        assert_ne!(first, second);
        assert_eq!(slot_of(&first), slot_of(&second));
        assert_ne!(slot_of(&first), slot_of(&elsewhere));
        assert!(first.len() <= 200, "the CRM takes no longer names");
    }
}
