//! The SMTP server (RFC 5321) with AUTH PLAIN and LOGIN (RFC 4954). No TLS: it listens on loopback.

use std::{io, time::Duration};

use data_encoding::BASE64;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

use super::keep;
use crate::{banks::switches::Chance, mail::faults::MailFaults, world::Shared};

/// What EHLO promises and DATA enforces.
const MAX_MAIL_BYTES: usize = 25 * 1024 * 1024;
const MAX_LINE_BYTES: u64 = 4 * 1024;
const MAX_RECIPIENTS: usize = 100;
const MAX_CONNECTIONS: usize = 64;
const PATIENCE: Duration = Duration::from_secs(300);

/// Takes connections until the sandbox stops.
pub async fn serve(sandbox: Shared, listener: TcpListener) {
    let mut open = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept(), if open.len() < MAX_CONNECTIONS => match accepted {
                Ok((stream, _)) => {
                    let sandbox = Shared::clone(&sandbox);
                    open.spawn(async move {
                        if let Err(error) = converse(&sandbox, stream).await {
                            tracing::debug!(%error, "a mail connection ended early");
                        }
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "a mail connection can't be taken");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            },
            Some(_) = open.join_next(), if !open.is_empty() => {}
            () = sandbox.stop.cancelled() => return,
        }
    }
}

#[derive(Default)]
struct Envelope {
    from: Option<String>,
    to: Vec<String>,
}

struct Session<'a> {
    sandbox: &'a Shared,
    stream: BufReader<TcpStream>,
    greeted: bool,
    user: Option<String>,
    envelope: Envelope,
}

/// `<anna@example.ru>` of `FROM:<anna@example.ru> SIZE=100`.
fn address(argument: &str, keyword: &str) -> Option<String> {
    let (head, rest) = argument.split_at_checked(keyword.len())?;
    if !head.eq_ignore_ascii_case(keyword) {
        return None;
    }
    let rest = rest.trim_start().strip_prefix('<')?;
    let (address, _) = rest.split_once('>')?;
    Some(address.to_owned())
}

fn decoded(text: &str) -> Option<Vec<u8>> {
    BASE64.decode(text.trim().as_bytes()).ok()
}

impl Session<'_> {
    fn fires(&self, pick: fn(&mut MailFaults) -> &mut Chance) -> bool {
        self.sandbox.world().faults.mail.fires(pick)
    }

    async fn say(&mut self, text: &str) -> io::Result<()> {
        let slow_ms = self.sandbox.world().faults.mail.slow_ms;
        if slow_ms > 0 {
            tokio::time::sleep(Duration::from_millis(slow_ms)).await;
        }
        self.stream.write_all(text.as_bytes()).await?;
        self.stream.write_all(b"\r\n").await?;
        self.stream.flush().await
    }

    /// One line without its end; `None` when the other side is gone.
    async fn line(&mut self) -> io::Result<Option<String>> {
        let mut raw = Vec::new();
        let read = (&mut self.stream)
            .take(MAX_LINE_BYTES)
            .read_until(b'\n', &mut raw)
            .await?;
        if read == 0 || raw.last() != Some(&b'\n') {
            return Ok(None);
        }
        Ok(Some(
            String::from_utf8_lossy(&raw).trim_end_matches(['\r', '\n']).to_owned(),
        ))
    }

    async fn ask(&mut self, challenge: &str) -> io::Result<Option<Vec<u8>>> {
        self.say(&format!("334 {challenge}")).await?;
        Ok(self.line().await?.as_deref().and_then(decoded))
    }

    async fn authenticate(&mut self, argument: &str) -> io::Result<()> {
        let (mechanism, initial) = argument.split_once(' ').unwrap_or((argument, ""));
        let user = match mechanism.to_ascii_uppercase().as_str() {
            "PLAIN" => {
                let response = if initial.is_empty() {
                    self.ask("").await?
                } else {
                    decoded(initial)
                };
                // authorization NUL user NUL password
                response.and_then(|bytes| {
                    let user = bytes.split(|byte| *byte == 0).nth(1)?;
                    Some(String::from_utf8_lossy(user).into_owned())
                })
            }
            "LOGIN" => {
                let user = if initial.is_empty() {
                    self.ask("VXNlcm5hbWU6").await?
                } else {
                    decoded(initial)
                };
                let password = self.ask("UGFzc3dvcmQ6").await?;
                user.filter(|_| password.is_some())
                    .map(|user| String::from_utf8_lossy(&user).into_owned())
            }
            _ => return self.say("504 5.5.4 Unrecognized authentication type").await,
        };
        let Some(user) = user else {
            return self.say("501 5.5.2 Cannot decode the response").await;
        };
        if self.fires(|all| &mut all.refuse_auth) {
            return self.say("535 5.7.8 Authentication credentials invalid").await;
        }
        self.user = Some(user);
        self.say("235 2.7.0 Authentication successful").await
    }

    async fn recipient(&mut self, argument: &str) -> io::Result<()> {
        if self.envelope.from.is_none() {
            return self.say("503 5.5.1 MAIL first").await;
        }
        let Some(to) = address(argument, "TO:").filter(|to| to.contains('@')) else {
            return self.say("501 5.1.3 Bad recipient address").await;
        };
        if self.envelope.to.len() >= MAX_RECIPIENTS {
            return self.say("452 4.5.3 Too many recipients").await;
        }
        if self.fires(|all| &mut all.refuse) {
            return self.say("550 5.1.1 No such user here").await;
        }
        if self.fires(|all| &mut all.defer) {
            return self.say("451 4.7.1 Greylisted, try again later").await;
        }
        self.envelope.to.push(to);
        self.say("250 2.1.5 OK").await
    }

    /// The mail itself up to the lonely dot; `None` when it is too big or the other side is gone.
    async fn content(&mut self) -> io::Result<Option<Vec<u8>>> {
        let mut content = Vec::new();
        let mut too_big = false;
        loop {
            let mut line = Vec::new();
            let room = u64::try_from(MAX_MAIL_BYTES).unwrap_or(u64::MAX);
            if (&mut self.stream).take(room).read_until(b'\n', &mut line).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            if line == b".\r\n" || line == b".\n" {
                return Ok((!too_big).then_some(content));
            }
            // A dot at the start of a line was doubled for the way (RFC 5321, 4.5.2).
            let line = line.strip_prefix(b".").unwrap_or(&line);
            if content.len() + line.len() > MAX_MAIL_BYTES {
                too_big = true;
            } else {
                content.extend_from_slice(line);
            }
        }
    }

    /// `false` when the connection is to be cut.
    async fn data(&mut self) -> io::Result<bool> {
        if self.envelope.to.is_empty() {
            self.say("503 5.5.1 RCPT first").await?;
            return Ok(true);
        }
        self.say("354 End data with <CR><LF>.<CR><LF>").await?;
        if self.fires(|all| &mut all.drop_mail) {
            return Ok(false);
        }
        let Some(content) = self.content().await? else {
            self.envelope = Envelope::default();
            self.say("552 5.3.4 Message too big").await?;
            return Ok(true);
        };
        let envelope = std::mem::take(&mut self.envelope);
        let from = envelope.from.unwrap_or_default();
        let id = keep(&mut self.sandbox.world(), from, envelope.to, self.user.clone(), content);
        if self.fires(|all| &mut all.drop_response) {
            return Ok(false);
        }
        self.say(&format!("250 2.0.0 OK: kept as {id}")).await?;
        Ok(true)
    }

    async fn greet(&mut self, extended: bool) -> io::Result<()> {
        self.greeted = true;
        self.envelope = Envelope::default();
        if !extended {
            return self.say("250 sandbox.local").await;
        }
        let promises = format!(
            "250-sandbox.local\r\n250-PIPELINING\r\n250-SIZE {MAX_MAIL_BYTES}\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n\
             250-ENHANCEDSTATUSCODES\r\n250 AUTH PLAIN LOGIN"
        );
        self.say(&promises).await
    }

    /// `false` ends the conversation.
    async fn command(&mut self, line: &str) -> io::Result<bool> {
        let (verb, argument) = line.split_once(' ').unwrap_or((line, ""));
        let argument = argument.trim();
        match verb.to_ascii_uppercase().as_str() {
            "EHLO" => self.greet(true).await?,
            "HELO" => self.greet(false).await?,
            "AUTH" => self.authenticate(argument).await?,
            "MAIL" if !self.greeted => self.say("503 5.5.1 EHLO first").await?,
            "MAIL" => match address(argument, "FROM:") {
                Some(from) => {
                    self.envelope = Envelope {
                        from: Some(from),
                        to: Vec::new(),
                    };
                    self.say("250 2.1.0 OK").await?;
                }
                None => self.say("501 5.1.7 Bad sender address").await?,
            },
            "RCPT" => self.recipient(argument).await?,
            "DATA" => return self.data().await,
            "RSET" => {
                self.envelope = Envelope::default();
                self.say("250 2.0.0 OK").await?;
            }
            "NOOP" => self.say("250 2.0.0 OK").await?,
            "VRFY" => self.say("252 2.1.5 Cannot verify").await?,
            "QUIT" => {
                self.say("221 2.0.0 Bye").await?;
                return Ok(false);
            }
            "STARTTLS" => self.say("502 5.5.1 TLS is not offered").await?,
            _ => self.say("500 5.5.2 Unrecognized command").await?,
        }
        Ok(true)
    }
}

async fn converse(sandbox: &Shared, stream: TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut session = Session {
        sandbox,
        stream: BufReader::new(stream),
        greeted: false,
        user: None,
        envelope: Envelope::default(),
    };
    if session.fires(|all| &mut all.busy) {
        return session.say("421 4.3.2 The service is not available").await;
    }
    session.say("220 sandbox.local ESMTP mail catcher").await?;
    loop {
        let line = match tokio::time::timeout(PATIENCE, session.line()).await {
            Ok(line) => line?,
            Err(_) => return session.say("421 4.4.2 Idle for too long").await,
        };
        let Some(line) = line else {
            return Ok(());
        };
        if !session.command(&line).await? {
            return Ok(());
        }
    }
}
