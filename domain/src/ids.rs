//! Typed, time-ordered ids: a prefix that names the thing, then a ULID. The same text in database, API and logs.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

const CROCKFORD: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// 48 bits of milliseconds and 80 random bits, five a character.
const BODY_LENGTH: usize = 26;

/// What every id type can do; made by the `ids!` list below.
pub trait Id: Sized + AsRef<str> {
    const PREFIX: &'static str;

    /// Shapes: `millis` since 1970 (48 bits are kept), `random` from a good source.
    fn from_parts(millis: u64, random: [u8; 10]) -> Self;
    fn parse(text: &str) -> Option<Self>;
    fn as_str(&self) -> &str;
}

fn encode(prefix: &str, millis: u64, random: [u8; 10]) -> String {
    let mut bits = u128::from(millis & 0xFFFF_FFFF_FFFF) << 80;
    for (index, byte) in random.iter().rev().enumerate() {
        bits |= u128::from(*byte) << (8 * index);
    }
    let mut text = String::with_capacity(prefix.len() + 1 + BODY_LENGTH);
    text.push_str(prefix);
    text.push('_');
    for position in (0..BODY_LENGTH).rev() {
        let digit = usize::try_from((bits >> (5 * position)) & 31).unwrap_or_default();
        text.push(char::from(CROCKFORD.get(digit).copied().unwrap_or(b'0')));
    }
    text
}

fn is_valid(prefix: &str, text: &str) -> bool {
    text.strip_prefix(prefix)
        .and_then(|rest| rest.strip_prefix('_'))
        .is_some_and(|body| body.len() == BODY_LENGTH && body.bytes().all(|byte| CROCKFORD.contains(&byte)))
}

macro_rules! ids {
    ($($(#[$meta:meta])* $name:ident = $prefix:literal),+ $(,)?) => {$(
        $(#[$meta])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(Box<str>);

        impl Id for $name {
            const PREFIX: &'static str = $prefix;

            fn from_parts(millis: u64, random: [u8; 10]) -> Self {
                Self(encode($prefix, millis, random).into_boxed_str())
            }

            fn parse(text: &str) -> Option<Self> {
                is_valid($prefix, text).then(|| Self(text.into()))
            }

            fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                Self::parse(&text).ok_or_else(|| de::Error::custom(concat!("not an id of the form ", $prefix, "_…")))
            }
        }
    )+};
}

ids! {
    TenantId = "tn",
    UserId = "us",
    ApiKeyId = "ak",
    ClientId = "cl",
    LeadId = "ld",
    StageId = "st",
    MoveId = "mv",
    ActionId = "ac",
    MessageId = "ms",
    ConsentId = "cn",
    TouchId = "to",
    FormId = "fm",
    QuestionnaireId = "qn",
    ProgramId = "pg",
    ProgramBatchId = "pb",
    WordingCallId = "wc",
    SnapshotId = "sn",
    FileId = "fl",
    ProductId = "pr",
    OutboxId = "ob",
    JobId = "jb",
    EventId = "ev",
    AuditId = "au",
    OrderId = "or",
    PaymentId = "py",
    RefundId = "rf",
    ReceiptId = "rc",
    SavedMethodId = "sm",
    OrderCostId = "oc",
    PromoCodeId = "pc",
    TransferId = "tr",
    TaskId = "tk",
    ReconciliationId = "rn",
    DifferenceId = "df",
    RequestId = "rq",
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn an_id_reads_back_and_sorts_by_time(earlier in 0u64..1 << 47, later in 0u64..1 << 47, random: [u8; 10]) {
            let (earlier, later) = (earlier.min(later), earlier.max(later) + 1);
            let first = ClientId::from_parts(earlier, [255; 10]);
            let second = ClientId::from_parts(later, random);
            prop_assert!(first < second);
            prop_assert_eq!(ClientId::parse(second.as_str()), Some(second));
        }
    }

    #[test]
    fn an_id_of_another_thing_is_refused() {
        let lead = LeadId::from_parts(1, [7; 10]);
        assert_eq!(ClientId::parse(lead.as_str()), None);
        assert_eq!(ClientId::parse("cl_short"), None);
    }
}
