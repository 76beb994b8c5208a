//! The mail server of the environment: `SMTP_HOST` and what belongs to it.

use providers::mail::{MailConfig, MailConfigError, Mailer, Protection};

use super::{ConfigErrors, Reader, Secret};

/// How letters leave. Absent as a whole: none are written.
#[derive(Debug, Clone)]
pub struct Mail {
    host: String,
    port: u16,
    protection: Protection,
    user: Option<String>,
    password: Option<Secret>,
    from: String,
}

impl Mail {
    /// `Some(None)`: letters are switched off.
    pub(super) fn read_with(r: &mut Reader<'_>) -> Option<Option<Self>> {
        let Some(host) = r.text("SMTP_HOST") else {
            let others = ["SMTP_PORT", "SMTP_USER", "SMTP_PASSWORD", "SMTP_FROM", "SMTP_TLS"];
            if let Some(key) = others.into_iter().find(|key| r.text(key).is_some()) {
                r.refuse(key, "is set, but SMTP_HOST is not: name the mail server as well.");
                return None;
            }
            return Some(None);
        };
        let is_host = !host.contains(char::is_whitespace) && !host.contains('/') && !host.contains('@');
        if !is_host {
            r.refuse("SMTP_HOST", "is a name such as smtp.example.com, without a scheme.");
        }
        let protection = r.parsed("SMTP_TLS", "tls", "must be tls, starttls or none", |text| match text {
            "tls" => Some(Protection::Tls),
            "starttls" => Some(Protection::StartTls),
            "none" => Some(Protection::None),
            _ => None,
        });
        let usual = protection.unwrap_or(Protection::Tls).usual_port().to_string();
        let port = r.parsed("SMTP_PORT", &usual, "must be a port such as 465", |text| {
            text.parse().ok().filter(|port| *port > 0)
        });
        let user = r.text("SMTP_USER");
        let password = r.text("SMTP_PASSWORD").map(Secret::new);
        match (&user, &password) {
            (Some(_), None) => r.refuse("SMTP_PASSWORD", "is missing; SMTP_USER needs it."),
            (None, Some(_)) => r.refuse("SMTP_USER", "is missing; SMTP_PASSWORD needs it."),
            _ => {}
        }
        if protection == Some(Protection::None) && password.is_some() && !is_here(&host) {
            r.refuse(
                "SMTP_TLS",
                "is none, and SMTP_PASSWORD would cross the network readable; use tls or starttls.",
            );
        }
        let from = r.required(
            "SMTP_FROM",
            "letters need a sender, such as Anna <no-reply@example.com>",
        );
        let mail = Self {
            host,
            port: port?,
            protection: protection?,
            user,
            password,
            from: from?,
        };
        let is_sender = mail.mailer(Vec::new());
        if is_sender.is_err() {
            r.refuse("SMTP_FROM", "is no sender; it looks like Anna <no-reply@example.com>.");
            return None;
        }
        is_host.then_some(Some(mail))
    }

    /// The way out. `roots`: further root certificates in PEM.
    ///
    /// Errors: a sentence that names the key.
    pub fn mailer(&self, roots: Vec<Vec<u8>>) -> Result<Mailer, ConfigErrors> {
        let password = self.password.as_ref().map(|password| password.reveal().to_owned());
        let config = MailConfig {
            host: self.host.clone(),
            port: self.port,
            protection: self.protection,
            credentials: self.user.clone().zip(password),
            from: self.from.clone(),
            roots,
        };
        Mailer::new(&config).map_err(|error| {
            let key = match error {
                MailConfigError::From => "SMTP_FROM",
                MailConfigError::Tls(_) => "EXTRA_ROOT_CERTS",
            };
            ConfigErrors(vec![format!("{key}: {error}.")])
        })
    }

    /// Where letters go, for the doctor.
    pub fn server(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }
}

fn is_here(host: &str) -> bool {
    host == "localhost"
        || host
            .trim_matches(['[', ']'])
            .parse::<std::net::IpAddr>()
            .is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::super::tests::read;

    const SENDER: (&str, &str) = ("SMTP_FROM", "Anna <no-reply@example.com>");

    #[test]
    fn without_a_server_there_are_no_letters() {
        assert!(read(&[]).unwrap().mail.is_none());
        let errors = read(&[SENDER]).unwrap_err();
        assert!(
            errors.to_string().contains("SMTP_FROM: is set, but SMTP_HOST"),
            "{errors}"
        );
    }

    #[test]
    fn the_usual_port_follows_the_protection() {
        for (tls, server) in [
            ("tls", "mail.example:465"),
            ("starttls", "mail.example:587"),
            ("none", "mail.example:25"),
        ] {
            let config = read(&[("SMTP_HOST", "mail.example"), ("SMTP_TLS", tls), SENDER]).unwrap();
            assert_eq!(config.mail.unwrap().server(), server);
        }
    }

    #[test]
    fn half_a_configuration_is_refused_by_name() {
        for (values, key) in [
            (vec![("SMTP_HOST", "mail.example")], "SMTP_FROM: "),
            (vec![("SMTP_HOST", "smtp://mail.example"), SENDER], "SMTP_HOST: "),
            (
                vec![("SMTP_HOST", "mail.example"), ("SMTP_FROM", "nobody")],
                "SMTP_FROM: ",
            ),
            (
                vec![("SMTP_HOST", "mail.example"), SENDER, ("SMTP_USER", "anna")],
                "SMTP_PASSWORD: ",
            ),
            (
                vec![("SMTP_HOST", "mail.example"), SENDER, ("SMTP_PASSWORD", "hush")],
                "SMTP_USER: ",
            ),
            (
                vec![("SMTP_HOST", "mail.example"), SENDER, ("SMTP_TLS", "ssl")],
                "SMTP_TLS: ",
            ),
            (
                vec![("SMTP_HOST", "mail.example"), SENDER, ("SMTP_PORT", "0")],
                "SMTP_PORT: ",
            ),
            (
                vec![
                    ("SMTP_HOST", "mail.example"),
                    SENDER,
                    ("SMTP_TLS", "none"),
                    ("SMTP_USER", "anna"),
                    ("SMTP_PASSWORD", "hush"),
                ],
                "SMTP_TLS: ",
            ),
        ] {
            let errors = read(&values).unwrap_err().to_string();
            assert!(errors.contains(key) && !errors.contains("hush"), "{errors}");
        }
    }

    #[test]
    fn the_password_does_not_show() {
        let config = read(&[
            ("SMTP_HOST", "127.0.0.1"),
            ("SMTP_TLS", "none"),
            ("SMTP_USER", "anna"),
            ("SMTP_PASSWORD", "correct horse"),
            SENDER,
        ])
        .unwrap();
        assert!(!format!("{config:?}").contains("correct horse"));
    }
}
