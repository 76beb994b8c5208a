//! `voronka run`: the programs in order, each waited for, then kept alive until a signal.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::screen::{Screen, Speaker};
use crate::settings::{Listener, Settings, Values};
use crate::supervisor::{Program, Stopped, SupervisorError, supervise};

/// Long enough for the migrations of a large database; every five seconds of it are reported.
const READY_WITHIN: Duration = Duration::from_secs(120);
const READY_POLL: Duration = Duration::from_millis(100);
const PROGRESS_EVERY: Duration = Duration::from_secs(5);
const STOP_WITHIN: Duration = Duration::from_secs(10);
/// One press of Ctrl+C may arrive twice (from the terminal and from a wrapper such as `timeout`); two presses that
/// mean "now!" lie further apart.
const SAME_REQUEST: Duration = Duration::from_secs(1);

#[derive(Debug, thiserror::Error)]
pub enum RunError {
    #[error(
        "{addr} is taken by another program (perhaps by a Voronka that still runs). Stop it, or set {key} in .env to \
         another address, for example {key}={example}\n\
         {addr} занят другой программой (может быть, уже запущенной «Воронкой»). Остановите её или укажите в .env \
         другой адрес, например {key}={example}"
    )]
    PortTaken {
        addr: std::net::SocketAddr,
        key: &'static str,
        example: std::net::SocketAddr,
    },
    #[error("cannot listen on {addr}, which {key} names: {source}")]
    Listen {
        addr: std::net::SocketAddr,
        key: &'static str,
        source: std::io::Error,
    },
    #[error("{0} is not built; run: make run")]
    NotBuilt(PathBuf),
    #[error(transparent)]
    Program(#[from] SupervisorError),
    #[error("{name} is not ready after {} seconds; its lines above may say why", READY_WITHIN.as_secs())]
    NotReady { name: &'static str },
    #[error("cannot watch for signals: {0}")]
    Signals(std::io::Error),
    #[error("cannot prepare the readiness checks: {0}")]
    Http(reqwest::Error),
}

/// Secrets and books that are the API's alone: what the other programs don't know, they can't leak.
const API_ONLY: [&str; 12] = [
    "MASTER_KEY",
    "ADMIN_PASSWORD",
    "DATABASE_URL",
    "STORAGE_URL",
    "OPENAI_API_KEY",
    "YANDEX_API_KEY",
    "YOOKASSA_SECRET_KEY",
    "TBANK_PASSWORD",
    "WEBHOOK_SECRET",
    "SMTP_PASSWORD",
    "VK_ACCESS_TOKEN",
    "POSTGRES_PASSWORD",
];

/// How the run ended without an error.
#[derive(Debug, PartialEq, Eq)]
pub enum Outcome {
    Stopped,
    /// Asked to stop, but some program had to be killed.
    Killed,
}

/// Starts and keeps the programs of `bin`; returns after a signal when all of them are gone.
pub async fn run(settings: &Settings, bin: &Path, screen: Screen) -> Result<Outcome, RunError> {
    let programs = programs(settings, bin, screen);
    for program in &programs {
        if !program.file.exists() {
            return Err(RunError::NotBuilt(program.file.clone()));
        }
    }
    for listener in [settings.sandbox, Some(settings.http), Some(settings.bot)]
        .into_iter()
        .flatten()
    {
        check_free(listener)?;
    }

    let mut signals = Signals::watch().map_err(RunError::Signals)?;
    let http = reqwest::Client::builder()
        .timeout(Duration::from_secs(2))
        .no_proxy()
        .build()
        .map_err(RunError::Http)?;
    let mut house = House {
        running: Vec::new(),
        tasks: JoinSet::new(),
        screen,
    };
    let lived = live(&mut house, programs, &http, settings, &mut signals).await;
    let stopped = house.stop(&mut signals).await;
    lived?;
    Ok(stopped)
}

/// The sandbox first, because the API asks its clock; the bot last, because it needs the API.
fn programs(settings: &Settings, bin: &Path, screen: Screen) -> Vec<Program> {
    let mut all = settings.values.clone();
    if !screen.is_coloured() {
        // The programs write into our pipe in any case; whether its end has colours only we know.
        all.insert("NO_COLOR".to_owned(), "1".to_owned());
    }
    let mut public = all.clone();
    public.retain(|key, _| !API_ONLY.contains(&key.as_str()));
    let (all, public) = (Arc::new(all), Arc::new(public));
    let program = |name, file: &str, colour, ready_url, values: &Arc<Values>| Program {
        speaker: Speaker { name, colour },
        file: bin.join(file),
        values: Arc::clone(values),
        ready_url,
        was_ready: Arc::new(AtomicBool::new(false)),
    };
    let mut programs = Vec::new();
    if let Some(sandbox) = settings.sandbox {
        programs.push(program(
            "sandbox",
            "sandbox",
            35,
            format!("{}/sandbox/clock", sandbox.url()),
            &public,
        ));
    }
    programs.push(program(
        "api",
        "crm-api",
        36,
        format!("{}/readyz", settings.http.url()),
        &all,
    ));
    programs.push(program(
        "bot",
        "bot",
        32,
        format!("{}/readyz", settings.bot.url()),
        &public,
    ));
    programs
}

fn check_free(listener: Listener) -> Result<(), RunError> {
    let Listener { key, addr } = listener;
    match std::net::TcpListener::bind(addr) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => {
            let mut example = addr;
            // Stays a valid port at the upper end, too.
            example.set_port(addr.port().checked_add(100).unwrap_or(8180));
            Err(RunError::PortTaken { addr, key, example })
        }
        Err(source) => Err(RunError::Listen { addr, key, source }),
    }
}

/// Starts everything and stays until a signal (`Ok`) or a program that cannot be kept alive.
async fn live(
    house: &mut House,
    programs: Vec<Program>,
    http: &reqwest::Client,
    settings: &Settings,
    signals: &mut Signals,
) -> Result<(), RunError> {
    for program in programs {
        house.start(program.clone());
        tokio::select! {
            ready = wait_until_ready(&program, http, house.screen) => ready?,
            failure = first_failure(&mut house.tasks) => return Err(failure.into()),
            () = signals.next() => return Ok(()),
        }
    }
    house.screen.welcome(settings);
    tokio::select! {
        failure = first_failure(&mut house.tasks) => Err(failure.into()),
        () = signals.next() => Ok(()),
    }
}

/// The programs that run, in the order of their start.
struct House {
    running: Vec<(&'static str, watch::Sender<Option<Instant>>)>,
    tasks: JoinSet<Result<(&'static str, Stopped), SupervisorError>>,
    screen: Screen,
}

impl House {
    fn start(&mut self, program: Program) {
        let (stop, asked) = watch::channel(None);
        let name = program.speaker.name;
        self.running.push((name, stop));
        let screen = self.screen;
        self.tasks
            .spawn(async move { supervise(program, screen, asked).await.map(|stopped| (name, stopped)) });
    }

    /// Stops bot and API, then the sandbox they may still be speaking with. A further signal ends the patience.
    async fn stop(mut self, signals: &mut Signals) -> Outcome {
        self.screen.say("stopping", "останавливаю");
        let asked = Instant::now();
        let mut deadline = asked + STOP_WITHIN;
        let mut outcome = Outcome::Stopped;
        let (world, product): (Vec<_>, Vec<_>) = std::mem::take(&mut self.running).into_iter().partition(is_world);
        for stage in [product, world] {
            for (_, stop) in &stage {
                stop.send_replace(Some(deadline));
            }
            let all_gone = all_gone(&stage);
            tokio::pin!(all_gone);
            loop {
                tokio::select! {
                    () = &mut all_gone => break,
                    () = signals.next() => {
                        if asked.elapsed() < SAME_REQUEST {
                            continue;
                        }
                        deadline = Instant::now();
                        for (_, stop) in &stage {
                            stop.send_replace(Some(deadline));
                        }
                    }
                }
            }
        }
        while let Some(ended) = self.tasks.join_next().await {
            if let Ok(Ok((name, Stopped::Killed))) = ended {
                outcome = Outcome::Killed;
                self.screen.say(
                    &format!("{name} did not stop in time and was killed"),
                    &format!("{name} не остановился вовремя, пришлось завершить принудительно"),
                );
            }
        }
        if outcome == Outcome::Stopped {
            self.screen
                .say("everything is stopped, see you", "всё остановлено, до встречи");
        }
        outcome
    }
}

fn is_world((name, _): &(&'static str, watch::Sender<Option<Instant>>)) -> bool {
    *name == "sandbox"
}

/// A supervisor that is done has dropped its end of the channel.
async fn all_gone(stage: &[(&'static str, watch::Sender<Option<Instant>>)]) {
    for (_, stop) in stage {
        stop.closed().await;
    }
}

/// The first program that cannot be kept alive; pending for ever while all are well.
async fn first_failure(tasks: &mut JoinSet<Result<(&'static str, Stopped), SupervisorError>>) -> SupervisorError {
    while let Some(ended) = tasks.join_next().await {
        if let Ok(Err(failure)) = ended {
            return failure;
        }
    }
    std::future::pending().await
}

async fn wait_until_ready(program: &Program, http: &reqwest::Client, screen: Screen) -> Result<(), RunError> {
    let name = program.speaker.name;
    let begun = Instant::now();
    let mut next_report = PROGRESS_EVERY;
    screen.say(&format!("starting {name}"), &format!("запускаю {name}"));
    loop {
        let is_ready = http
            .get(&program.ready_url)
            .send()
            .await
            .is_ok_and(|answer| answer.status().is_success());
        let waited = begun.elapsed();
        if is_ready {
            program.was_ready.store(true, Ordering::Relaxed);
            let seconds = waited.as_secs_f32();
            screen.say(
                &format!("{name} is ready after {seconds:.1} s"),
                &format!("{name} готов"),
            );
            return Ok(());
        }
        if waited >= READY_WITHIN {
            return Err(RunError::NotReady { name });
        }
        if waited >= next_report {
            let seconds = waited.as_secs();
            screen.say(
                &format!("still waiting for {name}, {seconds} s"),
                &format!("жду {name}, {seconds} с"),
            );
            next_report += PROGRESS_EVERY;
        }
        tokio::time::sleep(READY_POLL).await;
    }
}

/// The requests to stop: Ctrl+C and SIGTERM, also a closed terminal.
struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hang_up: Signal,
}

impl Signals {
    fn watch() -> std::io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hang_up: signal(SignalKind::hangup())?,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
            _ = self.hang_up.recv() => {}
        }
    }
}

/// Replaces this process by `crm-api <command>` with the configuration that `run` would use. Returns only on failure.
pub fn become_api(settings: &Settings, bin: &Path, command: &str) -> anyhow::Error {
    use std::os::unix::process::CommandExt as _;

    let file = bin.join("crm-api");
    let mut api = std::process::Command::new(&file);
    api.arg(command).env_clear().envs(&settings.values);
    if settings.sandbox.is_some() {
        // The sandbox's token is ours, not a setting whose form a doctor should judge.
        api.env_remove("TELEGRAM_BOT_TOKEN");
    }
    anyhow::Error::new(api.exec()).context(format!("cannot start {}", file.display()))
}
