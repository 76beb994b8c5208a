//! From which address a request really comes, with proxies before us.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::extract::{ConnectInfo, Request};
use axum::http::{HeaderMap, HeaderName};
use providers::networks::{Networks, NotANetwork};

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Proxies whose `X-Forwarded-For` is believed.
#[derive(Debug, Clone, Default)]
pub struct TrustedProxies(Arc<Networks>);

/// Who is at the other end; set for every request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientAddress(pub IpAddr);

impl TrustedProxies {
    /// Shapes: addresses or networks separated by commas; empty trusts nobody.
    pub fn parse(text: &str) -> Result<Self, NotANetwork> {
        let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
        Ok(Self(Arc::new(Networks::parse(parts)?)))
    }

    fn trust(&self, address: IpAddr) -> bool {
        self.0.contain(address)
    }

    /// Walks from the nearest hop outwards and stops at the first one that nobody vouches for.
    pub(crate) fn client_of(&self, peer: IpAddr, headers: &HeaderMap) -> ClientAddress {
        let mut client = peer.to_canonical();
        if !self.trust(client) {
            return ClientAddress(client);
        }
        let hops: Vec<&str> = headers
            .get_all(FORWARDED_FOR)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .map(str::trim)
            .collect();
        for hop in hops.into_iter().rev() {
            let Some(address) = parse_hop(hop) else { break };
            client = address;
            if !self.trust(client) {
                break;
            }
        }
        ClientAddress(client)
    }
}

impl ClientAddress {
    /// Of a request without a socket.
    pub(crate) const NOWHERE: Self = Self(IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED));

    /// The peer's address, or what a trusted proxy says of it.
    pub(crate) fn of(request: &Request, proxies: &TrustedProxies) -> Self {
        let peer = request
            .extensions()
            .get::<ConnectInfo<SocketAddr>>()
            .map_or(Self::NOWHERE.0, |ConnectInfo(address)| address.ip());
        proxies.client_of(peer, request.headers())
    }

    /// What limits count by: one IPv6 customer owns a whole /64.
    pub(crate) fn bucket(self) -> IpAddr {
        match self.0 {
            IpAddr::V4(_) => self.0,
            IpAddr::V6(address) => IpAddr::from((u128::from(address) & (u128::MAX << 64)).to_be_bytes()),
        }
    }
}

fn parse_hop(hop: &str) -> Option<IpAddr> {
    let address = hop
        .parse::<IpAddr>()
        .or_else(|_| hop.parse::<SocketAddr>().map(|socket| socket.ip()))
        .ok()?;
    Some(address.to_canonical())
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn client(trusted: &str, peer: &str, forwarded: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for value in forwarded {
            headers.append(FORWARDED_FOR, HeaderValue::from_str(value).unwrap());
        }
        TrustedProxies::parse(trusted)
            .unwrap()
            .client_of(peer.parse().unwrap(), &headers)
            .0
            .to_string()
    }

    #[test]
    fn a_stranger_can_not_claim_another_address() {
        assert_eq!(client("", "203.0.113.7", &["1.2.3.4"]), "203.0.113.7");
        assert_eq!(client("10.0.0.0/8", "203.0.113.7", &["1.2.3.4"]), "203.0.113.7");
    }

    #[test]
    fn behind_proxies_the_first_unknown_hop_from_our_side_counts() {
        assert_eq!(
            client("10.0.0.0/8", "10.1.1.1", &["6.6.6.6, 203.0.113.7"]),
            "203.0.113.7"
        );
        assert_eq!(
            client("10.0.0.0/8", "10.1.1.1", &["6.6.6.6, 203.0.113.7, 10.2.2.2"]),
            "203.0.113.7"
        );
        assert_eq!(
            client("10.0.0.0/8", "10.1.1.1", &["6.6.6.6", "203.0.113.7"]),
            "203.0.113.7"
        );
        assert_eq!(
            client("10.0.0.0/8", "::ffff:10.1.1.1", &["203.0.113.7:5555"]),
            "203.0.113.7"
        );
        assert_eq!(client("fd00::/8", "fd00::1", &["rubbish"]), "fd00::1");
    }

    #[test]
    fn a_wrong_network_is_refused() {
        for text in ["10.0.0.0/33", "proxy", "10.0.0/8", "::1/129"] {
            assert!(TrustedProxies::parse(text).is_err(), "{text}");
        }
        assert!(TrustedProxies::parse("0.0.0.0/0, ::/0, 127.0.0.1").is_ok());
    }
}
