//! What a person sees in the terminal: named lines of the programs, our own sentences in both languages, and the
//! welcome box. Colours only on a terminal that wants them (<https://no-color.org>).

use std::io::{IsTerminal as _, Write as _};

use tokio::io::{AsyncBufReadExt as _, AsyncRead, BufReader};

use crate::settings::Settings;

/// Longer lines are cut into pieces, so that a program that never ends its line cannot fill the memory.
const MAX_LINE_BYTES: usize = 16 * 1024;
const OWN_NAME: &str = "voronka";
const OWN_COLOUR: u8 = 33;

#[derive(Debug, Clone, Copy)]
pub struct Screen {
    is_coloured: bool,
}

/// Whose line it is. The colour is an ANSI foreground code.
#[derive(Debug, Clone, Copy)]
pub struct Speaker {
    pub name: &'static str,
    pub colour: u8,
}

impl Screen {
    pub fn of_this_terminal() -> Self {
        let is_unwanted = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self {
            is_coloured: std::io::stdout().is_terminal() && !is_unwanted,
        }
    }

    pub fn is_coloured(&self) -> bool {
        self.is_coloured
    }

    /// One sentence of the launcher's own, in English and Russian.
    pub fn say(&self, english: &str, russian: &str) {
        self.line(
            Speaker {
                name: OWN_NAME,
                colour: OWN_COLOUR,
            },
            &format!("{english} · {russian}"),
        );
    }

    pub fn line(&self, speaker: Speaker, text: &str) {
        self.write(&prefixed(speaker, text, self.is_coloured));
    }

    /// Passes on what a program prints, line by line, until it closes the stream.
    pub async fn relay(self, speaker: Speaker, stream: impl AsyncRead + Unpin) {
        let mut reader = BufReader::with_capacity(MAX_LINE_BYTES, stream);
        let mut line = Vec::new();
        loop {
            let (used, is_whole) = match reader.fill_buf().await {
                Ok([]) | Err(_) => break,
                Ok(bytes) => match bytes.iter().position(|byte| *byte == b'\n') {
                    Some(end) => {
                        line.extend_from_slice(bytes.get(..end).unwrap_or_default());
                        (end.saturating_add(1), true)
                    }
                    None => {
                        line.extend_from_slice(bytes);
                        (bytes.len(), line.len() >= MAX_LINE_BYTES)
                    }
                },
            };
            reader.consume(used);
            if is_whole {
                self.line(speaker, String::from_utf8_lossy(&line).trim_end());
                line.clear();
            }
        }
        if !line.is_empty() {
            self.line(speaker, String::from_utf8_lossy(&line).trim_end());
        }
    }

    pub fn welcome(&self, settings: &Settings) {
        let frame = frame(&welcome_lines(settings));
        self.write(&if self.is_coloured {
            format!("\n\x1b[1m{frame}\x1b[0m\n")
        } else {
            format!("\n{frame}\n")
        });
    }

    /// A closed terminal is no reason to stop: the programs matter, not their echo.
    fn write(&self, text: &str) {
        let mut stdout = std::io::stdout().lock();
        let _ = stdout.write_all(text.as_bytes());
        let _ = stdout.flush();
    }
}

fn prefixed(speaker: Speaker, text: &str, is_coloured: bool) -> String {
    let Speaker { name, colour } = speaker;
    if is_coloured {
        format!("\x1b[{colour}m{name:>7} │\x1b[0m {text}\n")
    } else {
        format!("{name:>7} | {text}\n")
    }
}

fn welcome_lines(settings: &Settings) -> Vec<String> {
    let pair = |label: &str, value: &str| format!("{label:<41}{value}");
    let api = settings.http.url();
    let mut lines = vec!["Voronka is running  ·  Воронка работает".to_owned(), String::new()];
    if let Some(sandbox) = settings.sandbox {
        let sandbox = sandbox.url();
        lines.push(pair("Chat page · Чат с ботом", &format!("{sandbox}/telegram")));
        lines.push(pair("Sandbox · Песочница", &format!("{sandbox}/")));
    }
    lines.push(pair("API docs · Описание API", &format!("{api}/api/docs")));
    lines.push(pair("Administrator · Администратор", &settings.admin_email));
    if let Some(password) = &settings.admin_password {
        lines.push(pair("One-time password · Одноразовый пароль", password));
    }
    lines.push(String::new());
    if settings.sandbox.is_some() {
        lines.push("Open the chat page and press Start: you are the first client.".to_owned());
        lines.push("Откройте чат и нажмите «Старт»: вы первый клиент.".to_owned());
    } else {
        lines.push("Write /start to your bot in Telegram.".to_owned());
        lines.push("Напишите /start своему боту в Telegram.".to_owned());
    }
    lines.push("Ctrl+C stops everything  ·  Ctrl+C остановит всё".to_owned());
    lines
}

/// Every symbol used here is one column wide, so characters are columns.
fn frame(lines: &[String]) -> String {
    let width = lines.iter().map(|line| line.chars().count()).max().unwrap_or(0);
    let edge = "─".repeat(width.saturating_add(4));
    let body: String = lines.iter().map(|line| format!("│  {line:<width$}  │\n")).collect();
    format!("╭{edge}╮\n{body}╰{edge}╯\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Values;

    fn secrets() -> Values {
        [("ADMIN_PASSWORD".to_owned(), "abcd-efgh-jkmn-pqrs".to_owned())].into()
    }

    #[test]
    fn the_box_is_straight_and_names_every_address_in_both_languages() {
        let settings = Settings::resolve(Values::new(), Values::new(), secrets()).unwrap();
        let frame = frame(&welcome_lines(&settings));
        let widths: std::collections::BTreeSet<usize> = frame.lines().map(|line| line.chars().count()).collect();
        assert_eq!(widths.len(), 1, "{frame}");
        for text in [
            "http://127.0.0.1:8090/telegram",
            "http://127.0.0.1:8080/api/docs",
            "admin@voronka.local",
            "abcd-efgh-jkmn-pqrs",
            "press Start",
            "нажмите «Старт»",
        ] {
            assert!(frame.contains(text), "{text} is missing in\n{frame}");
        }
    }

    #[test]
    fn a_chosen_password_is_not_printed() {
        let env_file = [("ADMIN_PASSWORD".to_owned(), "my own secret".to_owned())].into();
        let settings = Settings::resolve(Values::new(), env_file, secrets()).unwrap();
        assert!(!frame(&welcome_lines(&settings)).contains("secret"));
    }

    #[test]
    fn lines_are_plain_without_a_terminal() {
        let speaker = Speaker {
            name: "bot",
            colour: 32,
        };
        assert_eq!(prefixed(speaker, "hello", false), "    bot | hello\n");
        assert_eq!(prefixed(speaker, "hello", true), "\x1b[32m    bot │\x1b[0m hello\n");
    }
}
