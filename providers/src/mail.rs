//! Letters by SMTP (RFC 5321), through one server of the owner's: an e-mail provider or a relay of their own.
//!
//! What comes back never names the recipient: it goes into logs and columns that are not sealed.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use domain::time::Timestamp;
use lettre::message::header::{ContentType, Header, HeaderName, HeaderValue};
use lettre::message::{Attachment as FilePart, Mailbox, MultiPart};
use lettre::transport::smtp::Error as SmtpError;
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, CertificateStore, Tls, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::{Address, AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use thiserror::Error;

/// A server that says nothing for this long is away. RFC 5321 would wait minutes; a letter is tried again anyway.
const PATIENCE: Duration = Duration::from_secs(30);
const MAX_REASON_CHARS: usize = 300;
/// A subject longer than this only gets cut by whoever shows it.
const MAX_SUBJECT_CHARS: usize = 200;

/// How the way to the server is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protection {
    /// TLS from the first byte (port 465).
    Tls,
    /// TLS after a plain greeting (port 587), or no letter at all.
    StartTls,
    /// None: for a relay on this machine.
    None,
}

impl Protection {
    pub const fn usual_port(self) -> u16 {
        match self {
            Self::Tls => 465,
            Self::StartTls => 587,
            Self::None => 25,
        }
    }
}

#[derive(Clone)]
pub struct MailConfig {
    pub host: String,
    pub port: u16,
    pub protection: Protection,
    /// User and password.
    pub credentials: Option<(String, String)>,
    /// `no-reply@example.com` or `Anna <no-reply@example.com>`.
    pub from: String,
    /// Further root certificates, each in PEM.
    pub roots: Vec<Vec<u8>>,
}

#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum MailConfigError {
    #[error("the sender's address can't be read; it looks like Anna <no-reply@example.com>")]
    From,
    #[error("TLS can't be prepared: {0}")]
    Tls(String),
}

/// What became of a letter that was not taken.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum MailError {
    /// The server is away, busy or puts the letter off: later it may work.
    #[error("the mail server could not take it now: {0}")]
    Transient(String),
    /// The server does not accept us: our keys, its certificate, the way we speak. A person has to mend that.
    #[error("the mail server does not accept us: {0}")]
    Misconfigured(String),
    /// The server refuses this letter or its address for good.
    #[error("the mail server refused it: {0}")]
    Refused(String),
}

/// A letter, ready but for its envelope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter {
    pub to: String,
    /// Who writes, where the configuration names only an address.
    pub from_name: String,
    pub subject: String,
    pub text: String,
    pub html: String,
    /// The same each time the letter is tried: whoever gets it twice can tell. Letters, digits, `_`, `-` and dots.
    pub id: String,
    pub written_at: Timestamp,
    pub attachment: Option<Attachment>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attachment {
    pub name: String,
    pub mime_type: String,
    pub bytes: Vec<u8>,
}

/// The way out for letters. Cheap to clone.
#[derive(Clone)]
pub struct Mailer {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
    server: String,
}

impl std::fmt::Debug for Mailer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Mailer")
            .field("server", &self.server)
            .finish_non_exhaustive()
    }
}

/// Says that nobody wrote this by hand, so that nobody's holiday answers it (RFC 3834).
#[derive(Debug, Clone)]
struct AutoSubmitted;

impl Header for AutoSubmitted {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), "auto-generated".to_owned())
    }
}

impl Mailer {
    /// Errors: the sender's address, the certificates. Nothing is connected yet.
    pub fn new(config: &MailConfig) -> Result<Self, MailConfigError> {
        let from: Mailbox = config.from.parse().map_err(|_| MailConfigError::From)?;
        let tls = match config.protection {
            Protection::None => Tls::None,
            Protection::Tls => Tls::Wrapper(tls(config)?),
            Protection::StartTls => Tls::Required(tls(config)?),
        };
        let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(config.host.as_str())
            .port(config.port)
            .tls(tls)
            .timeout(Some(PATIENCE))
            .hello_name(ClientId::Domain(from.email.domain().to_owned()));
        if let Some((user, password)) = &config.credentials {
            builder = builder.credentials(Credentials::new(user.clone(), password.clone()));
        }
        Ok(Self {
            transport: builder.build(),
            from,
            server: format!("{}:{}", config.host, config.port),
        })
    }

    /// Host and port.
    pub fn server(&self) -> &str {
        &self.server
    }

    /// Hands a letter over. Returns what the server said.
    ///
    /// Errors: by what to do about them; a letter whose answer got lost counts as transient, so it may arrive twice.
    pub async fn send(&self, letter: &Letter) -> Result<String, MailError> {
        let message = self.message(letter)?;
        match self.transport.send(message).await {
            Ok(response) => Ok(without_addresses(response.first_line().unwrap_or("taken"))),
            Err(error) => Err(classify(&error)),
        }
    }

    /// Connects and signs in, without a letter.
    pub async fn check(&self) -> Result<(), MailError> {
        match self.transport.test_connection().await {
            Ok(true) => Ok(()),
            Ok(false) => Err(MailError::Transient("it hangs up at once".to_owned())),
            Err(error) => Err(classify(&error)),
        }
    }

    fn message(&self, letter: &Letter) -> Result<Message, MailError> {
        let refused = |reason: &str| MailError::Refused(reason.to_owned());
        let to: Address = letter.to.parse().map_err(|_| refused("the address can't be read"))?;
        let name = self.from.name.clone().unwrap_or_else(|| one_line(&letter.from_name));
        let from = Mailbox::new(Some(name).filter(|name| !name.is_empty()), self.from.email.clone());
        let subject: String = one_line(&letter.subject).chars().take(MAX_SUBJECT_CHARS).collect();
        let builder = Message::builder()
            .from(from)
            .to(Mailbox::new(None, to))
            .subject(subject)
            .date(instant(letter.written_at))
            .message_id(Some(format!("<{}@{}>", letter.id, self.from.email.domain())))
            .header(AutoSubmitted);
        let body = MultiPart::alternative_plain_html(letter.text.clone(), letter.html.clone());
        let body = match &letter.attachment {
            None => body,
            Some(file) => {
                let kind = ContentType::parse(&file.mime_type).map_err(|_| refused("the file's type can't be read"))?;
                MultiPart::mixed()
                    .multipart(body)
                    .singlepart(FilePart::new(one_line(&file.name)).body(file.bytes.clone(), kind))
            }
        };
        builder
            .multipart(body)
            .map_err(|error| refused(&without_addresses(&error.to_string())))
    }
}

fn tls(config: &MailConfig) -> Result<TlsParameters, MailConfigError> {
    let failed = |error: SmtpError| MailConfigError::Tls(error.to_string());
    let mut builder = TlsParameters::builder(config.host.clone()).certificate_store(CertificateStore::WebpkiRoots);
    for root in &config.roots {
        builder = builder.add_root_certificate(Certificate::from_pem(root).map_err(failed)?);
    }
    builder.build_rustls().map_err(failed)
}

fn instant(at: Timestamp) -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(u64::try_from(at.millis()).unwrap_or_default())
}

/// A name or a subject can't begin a header of its own.
fn one_line(text: &str) -> String {
    let spaced: String = text
        .chars()
        .map(|character| if character.is_control() { ' ' } else { character })
        .collect();
    // A space that must not break stays one.
    let words: Vec<&str> = spaced.split(' ').filter(|word| !word.is_empty()).collect();
    words.join(" ")
}

fn classify(error: &SmtpError) -> MailError {
    let reason = describe(error);
    match error.status().map(u16::from) {
        // They are about signing in only (RFC 4954).
        Some(530 | 534 | 535 | 538) => MailError::Misconfigured(reason),
        Some(500..=599) => MailError::Refused(reason),
        Some(_) => MailError::Transient(reason),
        None if error.is_tls() || error.is_client() => MailError::Misconfigured(reason),
        None => MailError::Transient(reason),
    }
}

/// The error with its causes, without anybody's address.
fn describe(error: &SmtpError) -> String {
    let mut text = error.to_string();
    let mut next = std::error::Error::source(error);
    while let Some(cause) = next {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        next = cause.source();
    }
    without_addresses(&text)
}

fn without_addresses(text: &str) -> String {
    let words: Vec<&str> = text
        .split_whitespace()
        .map(|word| if word.contains('@') { "…" } else { word })
        .collect();
    words.join(" ").chars().take(MAX_REASON_CHARS).collect()
}

#[cfg(test)]
mod tests {

    use super::*;

    fn mailer(from: &str) -> Mailer {
        Mailer::new(&MailConfig {
            host: "127.0.0.1".to_owned(),
            port: 25,
            protection: Protection::None,
            credentials: None,
            from: from.to_owned(),
            roots: Vec::new(),
        })
        .unwrap()
    }

    fn letter() -> Letter {
        Letter {
            to: "anna@example.com".to_owned(),
            from_name: "Студия\r\nBcc: evil@example.com".to_owned(),
            subject: "Заказ\r\nBcc: evil@example.com".to_owned(),
            text: "Здравствуйте".to_owned(),
            html: "<p>Здравствуйте</p>".to_owned(),
            id: "ob_1".to_owned(),
            written_at: Timestamp::from_millis(1_795_000_000_000),
            attachment: None,
        }
    }

    #[test]
    fn a_name_can_not_begin_a_header_of_its_own() {
        let message = mailer("no-reply@voronka.example").message(&letter()).unwrap();
        let raw = String::from_utf8(message.formatted()).unwrap();
        let (head, _) = raw.split_once("\r\n\r\n").unwrap();
        let names: Vec<&str> = head
            .split("\r\n")
            .filter(|line| !line.starts_with([' ', '\t']))
            .filter_map(|line| line.split_once(':').map(|(name, _)| name))
            .collect();
        for wanted in [
            "From",
            "To",
            "Subject",
            "Date",
            "Message-ID",
            "Auto-Submitted",
            "MIME-Version",
        ] {
            assert_eq!(
                names.iter().filter(|name| **name == wanted).count(),
                1,
                "{wanted} in {head}"
            );
        }
        assert!(!names.iter().any(|name| name.eq_ignore_ascii_case("bcc")), "{head}");
        assert!(head.contains("Message-ID: <ob_1@voronka.example>"), "{head}");
        assert_eq!(message.envelope().to().len(), 1);
    }

    #[test]
    fn the_configured_name_wins_over_the_brand() {
        let message = mailer("Anna <no-reply@voronka.example>").message(&letter()).unwrap();
        let raw = String::from_utf8(message.formatted()).unwrap();
        assert!(
            raw.contains("From: Anna <no-reply@voronka.example>") || raw.contains("From: \"Anna\""),
            "{raw}"
        );
    }

    #[test]
    fn what_is_no_address_is_refused() {
        let wrong = Letter {
            to: "anna".to_owned(),
            ..letter()
        };
        let refused = mailer("no-reply@voronka.example").message(&wrong);
        assert!(matches!(refused, Err(MailError::Refused(_))), "{refused:?}");
        let config = MailConfig {
            host: "127.0.0.1".to_owned(),
            port: 25,
            protection: Protection::None,
            credentials: None,
            from: "nobody".to_owned(),
            roots: Vec::new(),
        };
        assert_eq!(Mailer::new(&config).err(), Some(MailConfigError::From));
    }

    #[test]
    fn what_the_server_says_is_kept_without_the_address() {
        assert_eq!(
            without_addresses("550 5.1.1 <anna@example.com>: no such\r\nuser"),
            "550 5.1.1 … no such user"
        );
    }
}
