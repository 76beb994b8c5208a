//! The real programs as child processes: built beside this one, in the same profile.

use std::fs::File;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::io::AsyncReadExt as _;
use tokio::process::{Child, Command};

use crate::place::{ADMIN_EMAIL, ADMIN_PASSWORD, BOT_TOKEN, MASTER_KEY, Place, TRAINER};

const START: Duration = Duration::from_secs(30);
const STOP: Duration = Duration::from_secs(15);
/// `RATE_LIMIT_PER_MINUTE` out of the way: the limit is not what is measured.
const NO_RATE_LIMIT: &str = "4000000000";
pub const SHOP: &str = "100500";
pub const SHOP_KEY: &str = "test_a-key-of-the-bench";
const TELEGRAM_TOKEN: &str = "7000000001:SANDBOX-bench-token";

/// As the launcher and the images start the programs.
const ALLOCATOR: [(&str, &str); 4] = [
    ("MALLOC_ARENA_MAX", "1"),
    ("MALLOC_MMAP_THRESHOLD_", "32768"),
    ("MALLOC_TOP_PAD_", "16384"),
    ("MALLOC_TRIM_THRESHOLD_", "65536"),
];

#[derive(Debug)]
pub struct Program {
    pub name: &'static str,
    pub address: String,
    log: PathBuf,
    child: Child,
}

/// Memory of a process in kilobytes.
#[derive(Debug, Clone, Copy, Default)]
pub struct Memory {
    pub resident_kb: u64,
    /// Pages shared with others counted by their share.
    pub proportional_kb: u64,
}

/// An address nobody listens on now.
pub fn free_address() -> anyhow::Result<String> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string())
}

fn beside_us(name: &str) -> anyhow::Result<PathBuf> {
    let us = std::env::current_exe()?;
    let path = us.parent().context("this program lies nowhere")?.join(name);
    ensure!(
        path.is_file(),
        "{} is missing: `make bench` builds all of them",
        path.display()
    );
    Ok(path)
}

impl Program {
    async fn start(
        name: &'static str,
        address: String,
        log_folder: &Path,
        env: &[(&str, String)],
    ) -> anyhow::Result<Self> {
        let log = log_folder.join(format!("{name}.log"));
        let file = File::create(&log)?;
        let child = Command::new(beside_us(name)?)
            .env_clear()
            .env("RUST_LOG", "warn")
            .envs(ALLOCATOR)
            .envs(env.iter().map(|(key, value)| (*key, value)))
            .current_dir(log_folder)
            .stdin(Stdio::null())
            .stdout(file.try_clone()?)
            .stderr(file)
            .kill_on_drop(true)
            .spawn()?;
        let mut program = Self {
            name,
            address,
            log,
            child,
        };
        program.answers().await?;
        Ok(program)
    }

    async fn answers(&mut self) -> anyhow::Result<()> {
        let http = http()?;
        let until = Instant::now() + START;
        let url = format!("http://{}/healthz", self.address);
        loop {
            if http
                .get(&url)
                .send()
                .await
                .is_ok_and(|answer| answer.status().is_success())
            {
                return Ok(());
            }
            if self.child.try_wait()?.is_some() || Instant::now() > until {
                bail!(
                    "{} does not start:\n{}",
                    self.name,
                    std::fs::read_to_string(&self.log).unwrap_or_default()
                );
            }
            tokio::time::sleep(Duration::from_millis(30)).await;
        }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    fn pid(&self) -> anyhow::Result<u32> {
        self.child
            .id()
            .with_context(|| format!("{} has ended:\n{}", self.name, self.tail()))
    }

    pub fn tail(&self) -> String {
        let text = std::fs::read_to_string(&self.log).unwrap_or_default();
        let start = text.char_indices().rev().nth(2_000).map_or(0, |(index, _)| index);
        text.get(start..).unwrap_or_default().to_owned()
    }

    /// Warnings and errors that the program wrote.
    pub fn complaints(&self) -> usize {
        let text = std::fs::read_to_string(&self.log).unwrap_or_default();
        text.lines()
            .filter(|line| line.contains("WARN") || line.contains("ERROR"))
            .count()
    }

    pub fn memory(&self) -> anyhow::Result<Memory> {
        let pid = self.pid()?;
        let text = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup"))?;
        Ok(Memory {
            resident_kb: kilobytes(&text, "Rss:"),
            proportional_kb: kilobytes(&text, "Pss:"),
        })
    }

    /// Resident memory alone, which costs nothing to ask for.
    pub fn resident_kb(&self) -> anyhow::Result<u64> {
        let text = std::fs::read_to_string(format!("/proc/{}/status", self.pid()?))?;
        Ok(kilobytes(&text, "VmRSS:"))
    }

    pub fn processor_ms(&self) -> anyhow::Result<u64> {
        let text = std::fs::read_to_string(format!("/proc/{}/stat", self.pid()?))?;
        // After the name in brackets: fields 14 and 15 are user and system time in ticks of 10 ms.
        let fields: Vec<&str> = text.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
        let ticks = |at: usize| {
            fields
                .get(at)
                .and_then(|field| field.parse::<u64>().ok())
                .unwrap_or_default()
        };
        Ok((ticks(11) + ticks(12)) * 10)
    }

    pub async fn stop(mut self) -> anyhow::Result<()> {
        if let Some(pid) = self.child.id() {
            kill(Pid::from_raw(i32::try_from(pid)?), Signal::SIGTERM)?;
            if tokio::time::timeout(STOP, self.child.wait()).await.is_err() {
                self.child.kill().await?;
                bail!("{} did not end in {STOP:?}:\n{}", self.name, self.tail());
            }
        }
        Ok(())
    }
}

/// The number after `key` in a file of /proc.
pub fn kilobytes(text: &str, key: &str) -> u64 {
    text.lines()
        .find_map(|line| line.strip_prefix(key))
        .and_then(|rest| rest.split_whitespace().next())
        .and_then(|number| number.parse().ok())
        .unwrap_or_default()
}

pub fn http() -> anyhow::Result<reqwest::Client> {
    Ok(reqwest::Client::builder()
        .no_proxy()
        .pool_max_idle_per_host(512)
        .timeout(Duration::from_secs(60))
        .build()?)
}

pub async fn crm_api(place: &Place) -> anyhow::Result<Program> {
    let address = free_address()?;
    Program::start("crm-api", address.clone(), place.folder(), &settings(place, &address)).await
}

/// With a bank that takes the payments.
pub async fn crm_api_with_bank(place: &Place, bank: &str) -> anyhow::Result<Program> {
    let address = free_address()?;
    let mut env = settings(place, &address);
    env.extend(shop(bank));
    Program::start("crm-api", address, place.folder(), &env).await
}

fn shop(bank: &str) -> [(&'static str, String); 4] {
    [
        ("YOOKASSA_SHOP_ID", SHOP.to_owned()),
        ("YOOKASSA_SECRET_KEY", SHOP_KEY.to_owned()),
        ("YOOKASSA_API_URL", format!("http://{bank}/v3")),
        ("YOOKASSA_NETWORKS", "127.0.0.1".to_owned()),
    ]
}

/// What `crm-api doctor` said, how long it took, and the most memory it had.
#[derive(Debug)]
pub struct Examined {
    pub said: String,
    pub is_well: bool,
    pub took: Duration,
    pub peak_kb: u64,
}

pub async fn doctor(place: &Place, bank: &str) -> anyhow::Result<Examined> {
    let address = free_address()?;
    let mut env = settings(place, &address);
    env.extend(shop(bank));
    let start = Instant::now();
    let mut child = Command::new(beside_us("crm-api")?)
        .arg("doctor")
        .env_clear()
        .env("RUST_LOG", "warn")
        .envs(ALLOCATOR)
        .envs(env.iter().map(|(key, value)| (*key, value)))
        .current_dir(place.folder())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .kill_on_drop(true)
        .spawn()?;
    let status = format!("/proc/{}/status", child.id().context("the doctor has ended")?);
    let mut peak_kb = 0;
    let ended = loop {
        // It is gone with the process, so it is read again and again.
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        peak_kb = peak_kb.max(kilobytes(&text, "VmHWM:"));
        if let Some(ended) = child.try_wait()? {
            break ended;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    };
    let took = start.elapsed();
    let mut said = String::new();
    let mut out = child.stdout.take().context("the doctor has no output")?;
    out.read_to_string(&mut said).await?;
    Ok(Examined {
        said,
        is_well: ended.success(),
        took,
        peak_kb,
    })
}

fn settings(place: &Place, address: &str) -> Vec<(&'static str, String)> {
    vec![
        ("DATABASE_URL", place.url.clone()),
        ("HTTP_ADDR", address.to_owned()),
        ("PUBLIC_URL", format!("http://{address}")),
        ("MASTER_KEY", MASTER_KEY.to_owned()),
        ("STORAGE_URL", place.files()),
        ("CRM_API_TOKEN", BOT_TOKEN.to_owned()),
        ("ADMIN_EMAIL", ADMIN_EMAIL.to_owned()),
        ("ADMIN_PASSWORD", ADMIN_PASSWORD.to_owned()),
        ("TRAINER_TELEGRAM_IDS", TRAINER.to_string()),
        ("RATE_LIMIT_PER_MINUTE", NO_RATE_LIMIT.to_owned()),
    ]
}

pub async fn sandbox(place: &Place) -> anyhow::Result<Program> {
    let address = free_address()?;
    Program::start("sandbox", address.clone(), place.folder(), &[("SANDBOX_ADDR", address)]).await
}

pub async fn bot(place: &Place, api: &Program, sandbox: &Program) -> anyhow::Result<Program> {
    let address = free_address()?;
    let env = [
        ("TELEGRAM_BOT_TOKEN", TELEGRAM_TOKEN.to_owned()),
        ("TELEGRAM_API_URL", sandbox.url("")),
        ("TELEGRAM_RATE_PER_SECOND", "0".to_owned()),
        ("BOT_ADDR", address.clone()),
        ("CRM_API_URL", api.url("")),
        ("CRM_API_TOKEN", BOT_TOKEN.to_owned()),
    ];
    Program::start("bot", address, place.folder(), &env).await
}

/// Signs in as the administrator; the value of the `Cookie` header.
pub async fn sign_in(api: &Program) -> anyhow::Result<String> {
    let body = serde_json::json!({ "email": ADMIN_EMAIL, "password": ADMIN_PASSWORD });
    let answer = http()?
        .post(api.url("/api/auth/sign-in"))
        .json(&body)
        .send()
        .await?
        .error_for_status()?;
    let cookie = answer
        .headers()
        .get("set-cookie")
        .context("no cookie came with the sign-in")?
        .to_str()?;
    Ok(cookie.split(';').next().unwrap_or_default().to_owned())
}
