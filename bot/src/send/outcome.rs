//! What Telegram's answer means for a delivery. Pure.

use std::time::Duration;

use api_types::conversation::Outcome;

use crate::{backoff::Backoff, telegram::TelegramError};

/// What to do after a failed call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The pause Telegram asks for, then the same again.
    Wait(Duration),
    /// Nothing to change: the message already looks so.
    NotModified,
    /// The message can't be changed (any more): send a new one.
    CannotEdit,
    /// The file id is not (or no longer) good: upload the bytes.
    FileRefused,
    /// This delivery is over, with this fate.
    Final(Outcome),
}

/// Texts are matched anywhere and in any case: servers spell them differently (`query ID` and `query id`).
/// `attempt` counts from 1 and stretches the wait before the next one.
pub fn verdict(error: &TelegramError, attempt: u32) -> Verdict {
    let (code, description) = match error {
        TelegramError::TooMany { retry_after } => return Verdict::Wait(*retry_after),
        TelegramError::Unclear(_) | TelegramError::NotReachable(_) => {
            return Verdict::Final(retry_later(attempt, error.to_string()));
        }
        TelegramError::Refused { code, description } => (*code, description.to_lowercase()),
    };
    let says = |texts: &[&str]| texts.iter().any(|text| description.contains(text));
    let reason = error.to_string();
    match code {
        400 if says(&["message is not modified"]) => Verdict::NotModified,
        400 if says(&[
            "message to edit not found",
            "message can't be edited",
            "message_id_invalid",
            "there is no text in the message to edit",
            "message identifier is not specified",
        ]) =>
        {
            Verdict::CannotEdit
        }
        400 if says(&[
            "wrong file identifier",
            "wrong remote file identifier",
            "file reference",
            "wrong file_id",
            "invalid file_id",
            "can't use file of type",
            "failed to get http url content",
        ]) =>
        {
            Verdict::FileRefused
        }
        400 if says(&["chat not found", "peer_id_invalid", "user_id_invalid", "user not found"]) => {
            Verdict::Final(Outcome::Unreachable { reason })
        }
        403 => Verdict::Final(Outcome::Unreachable { reason }),
        // Our token or our server, not this message: a person will mend it, the message must not be lost meanwhile.
        401 | 404 | 409 => Verdict::Final(retry_later(attempt, reason)),
        _ => Verdict::Final(Outcome::Rejected { reason }),
    }
}

/// From a second on, doubling to five minutes.
pub fn retry_later(attempt: u32, reason: String) -> Outcome {
    let first = Duration::from_secs(1);
    let wait = Backoff::after(first, Duration::from_secs(300), attempt.saturating_sub(1)).next_wait();
    Outcome::RetryLater {
        after_ms: millis(wait),
        reason,
    }
}

pub fn retry_after(wait: Duration, reason: &str) -> Outcome {
    Outcome::RetryLater {
        after_ms: millis(wait),
        reason: reason.to_owned(),
    }
}

fn millis(wait: Duration) -> u64 {
    u64::try_from(wait.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(code: u16, description: &str) -> Verdict {
        verdict(
            &TelegramError::Refused {
                code,
                description: description.to_owned(),
            },
            1,
        )
    }

    #[test]
    fn telegrams_answers_have_their_meaning() {
        let unreachable = [
            (403, "Forbidden: bot was blocked by the user"),
            (403, "Forbidden: user is deactivated"),
            (403, "Forbidden: bot can't initiate conversation with a user"),
            (400, "Bad Request: chat not found"),
        ];
        for (code, text) in unreachable {
            assert!(
                matches!(refused(code, text), Verdict::Final(Outcome::Unreachable { .. })),
                "{text}"
            );
        }
        let rejected = [
            (400, "Bad Request: BUTTON_DATA_INVALID"),
            (400, "Bad Request: message is too long"),
            (400, "Bad Request: can't parse entities: x"),
            (413, "Request Entity Too Large"),
        ];
        for (code, text) in rejected {
            assert!(
                matches!(refused(code, text), Verdict::Final(Outcome::Rejected { .. })),
                "{text}"
            );
        }
        let same = "Bad Request: message is not modified: specified new message content…";
        assert_eq!(refused(400, same), Verdict::NotModified);
        assert_eq!(
            refused(400, "Bad Request: Message to EDIT not found"),
            Verdict::CannotEdit
        );
        assert_eq!(
            refused(400, "Bad Request: message can't be edited"),
            Verdict::CannotEdit
        );
        let file = "Bad Request: wrong file identifier/HTTP URL specified";
        assert_eq!(refused(400, file), Verdict::FileRefused);
        assert!(matches!(
            refused(401, "Unauthorized"),
            Verdict::Final(Outcome::RetryLater { .. })
        ));
    }

    #[test]
    fn trouble_on_the_way_is_tried_again_with_longer_waits() {
        let unclear = TelegramError::Unclear("502".to_owned());
        let wait = |attempt| match verdict(&unclear, attempt) {
            Verdict::Final(Outcome::RetryLater { after_ms, .. }) => after_ms,
            other => panic!("{other:?}"),
        };
        assert!((500..=1000).contains(&wait(1)));
        assert!((4000..=8000).contains(&wait(4)));
        assert!((150_000..=300_000).contains(&wait(40)));
    }
}
