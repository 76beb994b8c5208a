//! Networks of addresses, as providers publish them.

use std::net::IpAddr;

/// Addresses and networks such as `185.71.76.0/27`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Networks(Vec<(IpAddr, u8)>);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a network; it looks like 185.71.76.0/27 or 77.75.156.11")]
pub struct NotANetwork(String);

impl Networks {
    /// Errors: the first that can't be read.
    pub fn parse<'a>(texts: impl IntoIterator<Item = &'a str>) -> Result<Self, NotANetwork> {
        texts.into_iter().map(parse).collect::<Result<_, _>>().map(Self)
    }

    /// `::ffff:185.71.76.1` is 185.71.76.1.
    pub fn contain(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0
            .iter()
            .any(|(network, length)| is_within(address, *network, *length))
    }
}

fn parse(text: &str) -> Result<(IpAddr, u8), NotANetwork> {
    let wrong = || NotANetwork(text.to_owned());
    let (address, length) = match text.trim().split_once('/') {
        Some((address, length)) => (address, Some(length)),
        None => (text.trim(), None),
    };
    let address: IpAddr = address.parse::<IpAddr>().map_err(|_| wrong())?.to_canonical();
    let most = if address.is_ipv4() { 32 } else { 128 };
    let length = match length {
        Some(length) => Some(length)
            .filter(|length| length.bytes().all(|byte| byte.is_ascii_digit()))
            .and_then(|length| length.parse().ok())
            .filter(|length| *length <= most)
            .ok_or_else(wrong)?,
        None => most,
    };
    Ok((address, length))
}

fn is_within(address: IpAddr, network: IpAddr, length: u8) -> bool {
    match (address, network) {
        (IpAddr::V4(address), IpAddr::V4(network)) => {
            let mask = u32::MAX.checked_shl(32 - u32::from(length)).unwrap_or(0);
            u32::from(address) & mask == u32::from(network) & mask
        }
        (IpAddr::V6(address), IpAddr::V6(network)) => {
            let mask = u128::MAX.checked_shl(128 - u32::from(length)).unwrap_or(0);
            u128::from(address) & mask == u128::from(network) & mask
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_inside_its_network_only() {
        let networks = Networks::parse(["185.71.76.0/27", "77.75.156.11", "2a02:5180::/32"]).unwrap();
        let contains = |text: &str| networks.contain(text.parse().unwrap());
        for inside in [
            "185.71.76.0",
            "185.71.76.31",
            "::ffff:185.71.76.31",
            "77.75.156.11",
            "2a02:5180:1::9",
        ] {
            assert!(contains(inside), "{inside}");
        }
        for outside in [
            "::ffff:185.71.76.32",
            "185.71.76.32",
            "77.75.156.12",
            "2a02:5181::",
            "::1",
            "127.0.0.1",
        ] {
            assert!(!contains(outside), "{outside}");
        }
        assert!(
            Networks::parse(["0.0.0.0/0"])
                .unwrap()
                .contain("8.8.8.8".parse().unwrap())
        );
        assert!(!Networks::default().contain("127.0.0.1".parse().unwrap()));
        for wrong in ["", "x", "1.2.3.4/33", "1.2.3/8", "::1/129", "1.2.3.4/+8"] {
            assert!(Networks::parse([wrong]).is_err(), "{wrong}");
        }
    }
}
