//! `crm-api doctor`: what is wrong with this installation, and how to mend it.

use std::fmt;
use std::time::Duration;

use app::App;
use app::pay::reconcile;
use domain::ids::TenantId;
use providers::mail::MailError;
use store::Finding;

use crate::config::{Config, ConfigErrors};
use crate::serve;

/// Longer than this nobody waits for a check.
const MAIL_PATIENCE: Duration = Duration::from_secs(10);
/// So many wrong cells are named.
const NAMED_CELLS: usize = 3;

/// What was looked at, in order.
#[derive(Debug, Default)]
pub struct Report(Vec<Check>);

#[derive(Debug)]
struct Check {
    subject: &'static str,
    outcome: Outcome,
}

#[derive(Debug)]
enum Outcome {
    Well(String),
    /// Works, but a person should know.
    Notice(Finding),
    Wrong(Finding),
}

impl Report {
    pub fn is_well(&self) -> bool {
        !self.0.iter().any(|check| matches!(check.outcome, Outcome::Wrong(_)))
    }

    fn well(&mut self, subject: &'static str, text: impl Into<String>) {
        self.0.push(Check {
            subject,
            outcome: Outcome::Well(text.into()),
        });
    }

    fn wrong(&mut self, subject: &'static str, problem: impl Into<String>, remedy: &'static str) {
        self.0.push(Check {
            subject,
            outcome: Outcome::Wrong(Finding {
                problem: problem.into(),
                remedy,
            }),
        });
    }

    fn notice(&mut self, subject: &'static str, problem: impl Into<String>, remedy: &'static str) {
        self.0.push(Check {
            subject,
            outcome: Outcome::Notice(Finding {
                problem: problem.into(),
                remedy,
            }),
        });
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for check in &self.0 {
            match &check.outcome {
                Outcome::Well(text) => writeln!(f, "ok      {}: {text}", check.subject)?,
                Outcome::Notice(finding) => writeln!(
                    f,
                    "notice  {}: {}\n        {}",
                    check.subject, finding.problem, finding.remedy
                )?,
                Outcome::Wrong(finding) => writeln!(
                    f,
                    "WRONG   {}: {}\n        {}",
                    check.subject, finding.problem, finding.remedy
                )?,
            }
        }
        let wrong = self
            .0
            .iter()
            .filter(|check| matches!(check.outcome, Outcome::Wrong(_)))
            .count();
        match wrong {
            0 => f.write_str("All is well."),
            1 => f.write_str("1 thing is wrong."),
            wrong => write!(f, "{wrong} things are wrong."),
        }
    }
}

/// Looks at everything it can reach; what depends on something broken is left out.
pub async fn examine(config: Result<Config, ConfigErrors>) -> Report {
    let mut report = Report::default();
    let config = match config {
        Ok(config) => config,
        Err(errors) => {
            for sentence in errors.0 {
                report.wrong("configuration", sentence, ".env.example describes every key");
            }
            return report;
        }
    };
    report.well("configuration", "every key can be read");
    check_bot_token(&config, &mut report);
    check_mail(&config, &mut report).await;
    let app = match serve::compose(&config, app::Clock::system()).await {
        Ok(app) => app,
        Err(error) => {
            report.wrong("start", format!("{error:#}"), "nothing else could be looked at");
            return report;
        }
    };
    report.well(
        "database",
        format!("{:?} answers, its schema is up to date", app.store().backend()),
    );
    match saved_keys(&app).await {
        Ok(saved) => check_payments(&config, &saved, &mut report),
        Err(error) => report.wrong(
            "payments",
            describe(&error),
            "the saved keys can't be read: see whether MASTER_KEY holds the key they were sealed under",
        ),
    }
    match app.files().probe().await {
        Ok(()) => report.well("files", "can be written, read and removed"),
        Err(error) => report.wrong(
            "files",
            describe(&error),
            "give this user the right to write to the folder of STORAGE_URL",
        ),
    }
    if let Err(error) = check_books(&config, &app, &mut report).await {
        report.wrong(
            "books",
            describe(&error),
            "see whether the database is whole; restore a backup if it is not",
        );
    }
    app.store().close().await;
    report
}

/// Codes of the providers whose keys an owner has saved: they win over the environment.
async fn saved_keys(app: &App) -> Result<Vec<&'static str>, app::Error> {
    let mut saved = Vec::new();
    for tenant in app.store().system_read().await?.tenants().await? {
        let codes = app::pay::keys::saved(app, &tenant).await?;
        saved.extend(codes);
    }
    Ok(saved)
}

/// Their form was checked with the configuration; what is left is whether notifications can arrive.
fn check_payments(config: &Config, saved: &[&str], report: &mut Report) {
    let of_environment = config.payments.summary();
    let of_owner = (!saved.is_empty()).then(|| format!("keys saved in the settings: {}", saved.join(", ")));
    let all: Vec<String> = [of_owner, of_environment].into_iter().flatten().collect();
    if all.is_empty() {
        report.notice(
            "payments",
            "no provider is configured: only payments entered by hand",
            "save keys with PUT /api/settings/payments, or set YOOKASSA_SHOP_ID and YOOKASSA_SECRET_KEY, or \
             TBANK_TERMINAL_KEY and TBANK_PASSWORD",
        );
        return;
    }
    let summary = all.join("; ");
    let takes_money = config.payments.takes_real_money() || !saved.is_empty();
    if takes_money && config.public_url.scheme() != "https" {
        report.notice(
            "payments",
            format!("{summary}; but no bank sends notifications to {}", config.public_url),
            "set PUBLIC_URL to the https address of your proxy; until then payments are found by asking",
        );
    } else {
        report.well("payments", summary);
    }
}

/// Whether the mail server takes us; without one nobody is promised a letter.
async fn check_mail(config: &Config, report: &mut Report) {
    let Some(mail) = &config.mail else {
        report.notice(
            "mail",
            "no mail server is configured: buyers of the site get no letters",
            "set SMTP_HOST and SMTP_FROM, and SMTP_USER with SMTP_PASSWORD where the server wants them",
        );
        return;
    };
    let server = mail.server();
    let mailer = match serve::mailer(config) {
        Ok(Some(mailer)) => mailer,
        Ok(None) => return,
        Err(error) => {
            report.wrong("mail", error.to_string(), ".env.example describes every key");
            return;
        }
    };
    match tokio::time::timeout(MAIL_PATIENCE, mailer.check()).await {
        Ok(Ok(())) => report.well("mail", format!("{server} takes letters from us")),
        Ok(Err(error @ MailError::Transient(_))) => report.notice(
            "mail",
            format!("{server}: {error}"),
            "letters wait and are tried for a day; see whether SMTP_HOST and SMTP_PORT are right",
        ),
        Ok(Err(error)) => report.wrong(
            "mail",
            format!("{server}: {error}"),
            "see SMTP_USER, SMTP_PASSWORD and SMTP_TLS; EXTRA_ROOT_CERTS for a certificate of one's own",
        ),
        Err(_) => report.notice(
            "mail",
            format!("{server} does not answer"),
            "letters wait and are tried for a day; see SMTP_HOST, SMTP_PORT and whether outgoing mail is let through",
        ),
    }
}

/// `123456789:` and 35 characters, as @BotFather gives it.
fn check_bot_token(config: &Config, report: &mut Report) {
    let Some(token) = &config.telegram_bot_token else {
        report.notice(
            "bot",
            "TELEGRAM_BOT_TOKEN is empty",
            "make run starts the sandbox in place of Telegram; for the real one ask @BotFather",
        );
        return;
    };
    let is_token = token.reveal().split_once(':').is_some_and(|(id, secret)| {
        !id.is_empty()
            && id.bytes().all(|byte| byte.is_ascii_digit())
            && secret.len() >= 30
            && secret
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    });
    if is_token {
        report.well("bot", "TELEGRAM_BOT_TOKEN has the form of a token");
    } else {
        report.wrong(
            "bot",
            "TELEGRAM_BOT_TOKEN does not look like 123456789:AA…",
            "copy it from @BotFather again",
        );
    }
}

async fn check_books(config: &Config, app: &App, report: &mut Report) -> Result<(), app::Error> {
    let tenants = app.store().system_read().await?.tenants().await?;
    if tenants.is_empty() {
        report.notice(
            "books",
            "the database is empty",
            "start crm-api once with ADMIN_PASSWORD set",
        );
        return Ok(());
    }
    for tenant in &tenants {
        check_tenant(app, tenant, report).await?;
    }
    check_keys(app, report).await?;
    let token = app::access::authenticate_token(app, config.crm_api_token.reveal(), app.new_id()).await;
    match token {
        Ok(who) if who.caller.role == app::Role::Bot => report.well("bot's key", "CRM_API_TOKEN is known"),
        Ok(_) => report.wrong(
            "bot's key",
            "CRM_API_TOKEN belongs to an administrator",
            "set a token of its own and start crm-api",
        ),
        Err(app::Error::Unauthenticated) => {
            report.notice(
                "bot's key",
                "CRM_API_TOKEN is not known yet or was revoked",
                "start crm-api to make it known; after a revocation set another one",
            );
        }
        Err(error) => return Err(error),
    }
    Ok(())
}

/// What is sealed under which master key, and which of them may go.
async fn check_keys(app: &App, report: &mut Report) -> Result<(), app::Error> {
    let keys = app::rotate_keys::count(app).await?;
    if keys.unknown > 0 {
        report.wrong(
            "master key",
            format!(
                "{} values are sealed under a key that MASTER_KEY does not hold",
                keys.unknown
            ),
            "put that key back behind the others, then run crm-api rotate-keys",
        );
    }
    let Some(((newest, _), old)) = keys.by_key.split_first() else {
        return Ok(());
    };
    for (key, count) in old {
        if *count > 0 {
            report.notice(
                "master key",
                format!("{count} values are still sealed under the old key {key}"),
                "when every crm-api runs with the new MASTER_KEY: crm-api rotate-keys; keep the old key until then",
            );
        } else {
            report.well(
                "master key",
                format!(
                    "nothing is sealed under {key} any more, everything under {newest}: {key} may be taken out of MASTER_KEY \
                     when no backup from before the rotation is needed"
                ),
            );
        }
    }
    Ok(())
}

async fn check_tenant(app: &App, tenant: &TenantId, report: &mut Report) -> Result<(), app::Error> {
    let mut tx = app.tenant(tenant).read().await?;
    match tx.open_a_sample().await {
        Ok(Some(())) => report.well("master key", "opens what is sealed"),
        Ok(None) => report.well("master key", "nothing is sealed yet"),
        Err(error) => {
            report.wrong(
                "master key",
                describe(&error),
                "put the MASTER_KEY back that this database was made with (several may be given)",
            );
        }
    }
    let has_users = tx.has_users().await?;
    if !has_users {
        report.wrong(
            "administrator",
            "nobody can sign in",
            "start crm-api with ADMIN_EMAIL and ADMIN_PASSWORD set",
        );
    }
    let bot_keys = tx.count_api_keys(app::Role::Bot.code()).await?;
    if bot_keys > 1 {
        report.notice(
            "bot's key",
            format!("{bot_keys} tokens of bots are valid"),
            "after a change of CRM_API_TOKEN revoke the old one: GET and DELETE /api/api-keys",
        );
    }
    if !tx.has_trainer("telegram").await? {
        let held = tx.count_held_notices().await?;
        report.notice(
            "trainer",
            format!("no trainer's chat is linked: nobody hears of clients; {held} notices wait"),
            "set TRAINER_TELEGRAM_IDS, or make a link with POST /api/links (purpose trainer) and open it in Telegram",
        );
    }
    check_templates(&mut tx, report).await?;
    check_providers(app, tenant, report).await?;
    let findings = tx.doctor(app.now()).await?;
    if findings.is_empty() {
        report.well("books", "counters agree, no dead jobs, no stuck messages");
    }
    for finding in findings {
        report.wrong("books", finding.problem, finding.remedy);
    }
    let findings = tx.check_books().await?;
    if findings.is_empty() {
        report.well(
            "ledger",
            "balances are what the postings say, everything paid and given back is booked",
        );
    }
    for finding in findings {
        report.wrong("ledger", finding.problem, finding.remedy);
    }
    Ok(())
}

/// Whether the books were compared with every provider lately, and what is still open of that.
async fn check_providers(app: &App, tenant: &TenantId, report: &mut Report) -> Result<(), app::Error> {
    let (standings, open) = reconcile::standing(app, tenant).await?;
    for standing in standings {
        let provider = standing.provider;
        let overdue = |last: domain::time::Timestamp| app.now().millis_since(last) > reconcile::OVERDUE_MS;
        match (standing.last, standing.failure) {
            (_, Some(failure)) => report.notice(
                "reconciliation",
                format!("the last comparison with {provider} failed: {failure}"),
                "mend its keys or address, then POST /api/payments/reconcile; the next night makes up for it too",
            ),
            (Some(last), None) if overdue(last) => report.notice(
                "reconciliation",
                format!(
                    "the books were not compared with {provider} since {}",
                    last.to_utc().format("%Y-%m-%d %H:%M UTC")
                ),
                "does crm-api run? It compares every night; POST /api/payments/reconcile does it now",
            ),
            (Some(last), None) => report.well(
                "reconciliation",
                format!(
                    "the books were compared with {provider} on {}",
                    last.to_utc().format("%Y-%m-%d %H:%M UTC")
                ),
            ),
            (None, None) => report.notice(
                "reconciliation",
                format!("the books were never compared with {provider}"),
                "crm-api does it within an hour of its start and every night; POST /api/payments/reconcile does it now",
            ),
        }
    }
    if open > 0 {
        report.notice(
            "reconciliation",
            format!("{open} differences between the books and a provider wait for a person"),
            "GET /api/tasks?status=open says which; when one is settled, POST /api/tasks/{id}/done",
        );
    }
    Ok(())
}

/// Which version of the template tables serves, what waits, and what is wrong with the sheet.
async fn check_templates(tx: &mut store::Tx, report: &mut Report) -> Result<(), app::Error> {
    match tx.snapshot_in_force().await? {
        Some(version) => {
            let since = version.in_force_since.unwrap_or(version.taken_at).to_utc();
            report.well(
                "templates",
                format!(
                    "version {} ({}) is in force since {}",
                    version.number,
                    version.source,
                    since.format("%Y-%m-%d %H:%M UTC")
                ),
            );
        }
        None => report.notice(
            "templates",
            "no version was kept yet: the shipped tables serve",
            "start crm-api once",
        ),
    }
    if let Some(version) = tx.pending_snapshot().await? {
        report.notice(
            "templates",
            format!("version {} waits for the trainer's decision", version.number),
            "answer the bot's message, or POST /api/templates/{id}/use or /reject",
        );
    }
    if let Some(trouble) = app::refresh_templates::trouble_of(&tx.sheet_look().await?)? {
        report.notice(
            "templates",
            trouble.text(domain::language::Language::En, NAMED_CELLS),
            "mend the sheet; GET /api/templates/doctor lists every wrong cell",
        );
    }
    Ok(())
}

/// An error with its causes in one line.
fn describe(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        next = cause.source();
    }
    text
}
