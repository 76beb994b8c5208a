//! `voronka run` from the outside: the real launcher over fake programs (this test binary, started again).

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

const PATIENCE: Duration = Duration::from_secs(30);
/// How long the launcher waits for its programs when nobody hurries it.
const FULL_PATIENCE: Duration = Duration::from_secs(10);
const ADDRESSES: [(&str, &str); 3] = [
    ("sandbox", "SANDBOX_ADDR"),
    ("crm-api", "HTTP_ADDR"),
    ("bot", "BOT_ADDR"),
];

/// Not a test by itself: what a fake program runs. It notes its process id and its environment, then answers 200 to
/// everything, until a signal.
#[test]
fn fake_program() {
    let Ok(name) = std::env::var("FAKE_PROGRAM") else {
        return;
    };
    let notes = PathBuf::from(std::env::var("FAKE_NOTES").unwrap());
    let environment: String = std::env::vars()
        .map(|(key, value)| format!("{key}={value}\n"))
        .collect();
    std::fs::write(notes.join(format!("{name}.env")), environment).unwrap();
    let addr = ADDRESSES
        .iter()
        .find(|(program, _)| *program == name)
        .map(|(_, key)| std::env::var(key).unwrap());
    let listener = TcpListener::bind(addr.unwrap()).unwrap();
    let mut pids = std::fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(notes.join(format!("{name}.pids")))
        .unwrap();
    writeln!(pids, "{}", std::process::id()).unwrap();
    println!("{name} says hello");
    for stream in listener.incoming() {
        let mut stream = stream.unwrap();
        let _ = stream.read(&mut [0; 4096]);
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    }
}

/// A fresh folder with fake programs, and free ports for them on a loopback address that no other test uses: a port
/// that is let go for a program cannot be caught by a neighbour.
struct Machine {
    folder: tempfile::TempDir,
    addrs: Vec<(&'static str, SocketAddr)>,
}

impl Machine {
    fn new() -> Self {
        static MACHINES: AtomicU8 = AtomicU8::new(80);
        let folder = tempfile::tempdir().unwrap();
        let [.., high, low] = std::process::id().to_be_bytes();
        let ip = Ipv4Addr::new(127, MACHINES.fetch_add(1, Ordering::Relaxed), high, low);
        let held: Vec<TcpListener> = ADDRESSES.iter().map(|_| TcpListener::bind((ip, 0)).unwrap()).collect();
        let addrs = ADDRESSES
            .iter()
            .zip(&held)
            .map(|((_, key), held)| (*key, held.local_addr().unwrap()))
            .collect();
        let machine = Self { folder, addrs };
        for (name, _) in ADDRESSES {
            machine.program(name, "");
        }
        machine
    }

    /// (Re)writes a fake program; `first` runs before it, in sh.
    fn program(&self, name: &str, first: &str) {
        let this = std::env::current_exe().unwrap();
        let notes = self.path("");
        let script = format!(
            "#!/bin/sh\n{first}\nFAKE_PROGRAM={name} FAKE_NOTES='{}' exec '{}' --exact fake_program --nocapture\n",
            notes.display(),
            this.display()
        );
        let file = self.path("bin").join(name);
        std::fs::create_dir_all(self.path("bin")).unwrap();
        std::fs::write(&file, script).unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn addr(&self, key: &str) -> SocketAddr {
        self.addrs.iter().find(|(name, _)| *name == key).unwrap().1
    }

    fn voronka(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_voronka"));
        command
            .args(arguments)
            .current_dir(self.folder.path())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap())
            .env("VORONKA_BIN_DIR", self.path("bin"))
            .envs(self.addrs.iter().map(|(key, addr)| (*key, addr.to_string())))
            .stdin(Stdio::null());
        command
    }

    fn start(&self) -> Run<'_> {
        let output = self.path("output.txt");
        let file = std::fs::File::create(&output).unwrap();
        let child = self
            .voronka(&["run"])
            .stdout(file.try_clone().unwrap())
            .stderr(file)
            .spawn()
            .unwrap();
        Run {
            machine: self,
            child,
            output,
        }
    }

    /// The process ids a program has had, in order.
    fn pids(&self, name: &str) -> Vec<i32> {
        let text = std::fs::read_to_string(self.path(&format!("{name}.pids"))).unwrap_or_default();
        text.lines().filter_map(|line| line.parse().ok()).collect()
    }

    fn environment(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(&format!("{name}.env"))).unwrap_or_default()
    }
}

struct Run<'a> {
    machine: &'a Machine,
    child: Child,
    output: PathBuf,
}

impl Run<'_> {
    fn output(&self) -> String {
        std::fs::read_to_string(&self.output).unwrap()
    }

    fn wait_for(&self, text: &str) {
        wait_until(
            || self.output().contains(text),
            || format!("\"{text}\" in\n{}", self.output()),
        );
    }

    fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.child.id().try_into().unwrap()), signal).unwrap();
    }

    fn end(&mut self) -> ExitStatus {
        let mut status = None;
        wait_until(
            || {
                status = self.child.try_wait().unwrap();
                status.is_some()
            },
            || "the launcher's end".to_owned(),
        );
        status.unwrap()
    }

    fn last_pid(&self, name: &str) -> i32 {
        *self.machine.pids(name).last().unwrap()
    }
}

impl Drop for Run<'_> {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        for (name, _) in ADDRESSES {
            for pid in self.machine.pids(name) {
                let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
            }
        }
    }
}

fn wait_until(mut is_so: impl FnMut() -> bool, what: impl Fn() -> String) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < PATIENCE, "waited in vain for {}", what());
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn lives(pid: i32) -> bool {
    // A zombie is dead: its parent has only not looked yet.
    let status = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    status
        .rsplit(") ")
        .next()
        .is_some_and(|rest| !rest.is_empty() && !rest.starts_with('Z'))
}

fn answers(addr: SocketAddr) -> bool {
    let Ok(mut stream) = TcpStream::connect(addr) else {
        return false;
    };
    let mut answer = String::new();
    stream.write_all(b"GET /readyz HTTP/1.1\r\n\r\n").is_ok()
        && stream.read_to_string(&mut answer).is_ok()
        && answer.starts_with("HTTP/1.1 200")
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn a_fresh_machine_gets_everything_started_and_is_told_where_it_is() {
    let machine = Machine::new();
    let mut run = machine.start();
    run.wait_for("Voronka is running");
    let output = run.output();
    for (key, path) in [("SANDBOX_ADDR", "/telegram"), ("HTTP_ADDR", "/api/docs")] {
        assert!(
            output.contains(&format!("http://{}{path}", machine.addr(key))),
            "{output}"
        );
    }
    assert!(output.contains("    api | crm-api says hello"), "{output}");
    assert!(!output.contains('\u{1b}'), "colours without a terminal:\n{output}");

    let secrets = machine.path("data/secrets.env");
    assert_eq!(mode(&secrets), 0o600);
    let kept = std::fs::read_to_string(&secrets).unwrap();
    let password = kept
        .lines()
        .find_map(|line| line.strip_prefix("ADMIN_PASSWORD="))
        .unwrap();
    assert!(output.contains(password), "{output}");
    let api = machine.environment("crm-api");
    let sandbox = format!("http://{}", machine.addr("SANDBOX_ADDR"));
    for line in [
        format!("ADMIN_PASSWORD={password}"),
        format!("OPENAI_BASE_URL={sandbox}/openai/v1"),
        format!("CLOCK_URL={sandbox}/sandbox/clock"),
        format!("TELEGRAM_API_URL={sandbox}"),
        "NO_COLOR=1".to_owned(),
    ] {
        assert!(api.contains(&format!("{line}\n")), "{line} is missing in\n{api}");
    }

    for name in ["bot", "sandbox"] {
        let environment = machine.environment(name);
        assert!(
            !environment.contains("MASTER_KEY") && !environment.contains(password),
            "{environment}"
        );
    }

    let pids: Vec<i32> = ADDRESSES.iter().map(|(name, _)| run.last_pid(name)).collect();
    run.signal(Signal::SIGINT);
    assert!(run.end().success());
    assert!(!pids.into_iter().any(lives));

    let mut again = machine.start();
    again.wait_for("Voronka is running");
    assert_eq!(std::fs::read_to_string(&secrets).unwrap(), kept);
    again.signal(Signal::SIGTERM);
    assert!(again.end().success());
}

#[test]
fn a_killed_program_is_started_again() {
    let machine = Machine::new();
    let mut run = machine.start();
    run.wait_for("Voronka is running");
    for (name, key) in [("crm-api", "HTTP_ADDR"), ("bot", "BOT_ADDR"), ("bot", "BOT_ADDR")] {
        let victim = run.last_pid(name);
        kill(Pid::from_raw(victim), Signal::SIGKILL).unwrap();
        wait_until(
            || run.last_pid(name) != victim && answers(machine.addr(key)),
            || format!("{name} to come back"),
        );
    }
    assert!(
        run.output()
            .contains("bot died (signal: 9 (SIGKILL)); starting it again in 400 ms"),
        "{}",
        run.output()
    );
    assert_eq!(
        (
            machine.pids("sandbox").len(),
            machine.pids("crm-api").len(),
            machine.pids("bot").len()
        ),
        (1, 2, 3)
    );
    run.signal(Signal::SIGTERM);
    assert!(run.end().success());
}

#[test]
fn a_real_token_starts_no_sandbox() {
    let machine = Machine::new();
    std::fs::write(
        machine.path(".env"),
        "TELEGRAM_BOT_TOKEN=123:real # mine\nADMIN_PASSWORD=chosen\n",
    )
    .unwrap();
    let mut run = machine.start();
    run.wait_for("Voronka is running");
    assert!(machine.pids("sandbox").is_empty());
    assert!(machine.environment("bot").contains("TELEGRAM_BOT_TOKEN=123:real\n"));
    assert!(!run.output().contains("chosen"), "{}", run.output());
    run.signal(Signal::SIGTERM);
    assert!(run.end().success());
}

#[test]
fn a_taken_port_is_named_with_the_key_that_moves_it() {
    let machine = Machine::new();
    let _holder = TcpListener::bind(machine.addr("BOT_ADDR")).unwrap();
    let mut run = machine.start();
    assert_eq!(run.end().code(), Some(1));
    let output = run.output();
    assert!(
        output.contains(&machine.addr("BOT_ADDR").to_string()) && output.contains("set BOT_ADDR in .env"),
        "{output}"
    );
    assert!(machine.pids("sandbox").is_empty() && machine.pids("crm-api").is_empty());
}

#[test]
fn a_program_that_refuses_its_configuration_ends_the_run_with_its_own_words() {
    let machine = Machine::new();
    machine.program("crm-api", "echo 'MASTER_KEY: expected k1:<base64>' >&2; exit 2");
    let mut run = machine.start();
    assert_eq!(run.end().code(), Some(1));
    let output = run.output();
    assert!(output.contains("api | MASTER_KEY: expected"), "{output}");
    assert!(
        output.contains("api ended before it was ready (exit status: 2)"),
        "{output}"
    );
    assert!(!lives(run.last_pid("sandbox")) && machine.pids("bot").is_empty());
}

#[test]
fn a_wrong_line_in_env_is_named() {
    let machine = Machine::new();
    std::fs::write(machine.path(".env"), "HTTP_ADDR=127.0.0.1:1\nnonsense\n").unwrap();
    let mut run = machine.start();
    assert_eq!(run.end().code(), Some(1));
    assert!(run.output().contains(".env, line 2"), "{}", run.output());
}

#[test]
fn a_second_signal_ends_the_patience_with_a_program_that_will_not_go() {
    let machine = Machine::new();
    machine.program("bot", "trap '' TERM");
    let mut run = machine.start();
    run.wait_for("Voronka is running");
    let begun = Instant::now();
    run.signal(Signal::SIGINT);
    run.wait_for("stopping");
    wait_until(|| !lives(run.last_pid("crm-api")), || "the API to stop".to_owned());
    assert!(
        lives(run.last_pid("bot")) && lives(run.last_pid("sandbox")),
        "the sandbox outlives those who speak with it"
    );
    // An echo of the first signal counts as the same one, so the impatient press more than once.
    let mut status = None;
    wait_until(
        || {
            run.signal(Signal::SIGINT);
            status = run.child.try_wait().unwrap();
            status.is_some()
        },
        || "the launcher's end".to_owned(),
    );
    assert_eq!(status.unwrap().code(), Some(1));
    assert!(
        begun.elapsed() < FULL_PATIENCE,
        "the patience lasted {:?}",
        begun.elapsed()
    );
    assert!(
        run.output().contains("bot did not stop in time and was killed"),
        "{}",
        run.output()
    );
    assert!(!lives(run.last_pid("bot")) && !lives(run.last_pid("sandbox")));
}

#[test]
fn a_killed_launcher_takes_its_programs_along() {
    let machine = Machine::new();
    let mut run = machine.start();
    run.wait_for("Voronka is running");
    run.signal(Signal::SIGKILL);
    run.end();
    wait_until(
        || ADDRESSES.iter().all(|(name, _)| !lives(run.last_pid(name))),
        || "the programs to end".to_owned(),
    );
}

#[test]
fn doctor_is_the_apis_own_with_the_same_configuration() {
    let machine = Machine::new();
    machine.program(
        "crm-api",
        "echo \"asked for $1 with $CRM_API_URL, $LLM_PROVIDER and '$TELEGRAM_BOT_TOKEN'\"; exit 3",
    );
    let output = machine.voronka(&["doctor"]).output().unwrap();
    assert_eq!(output.status.code(), Some(3));
    let expected = format!(
        "asked for doctor with http://{}, openai and ''\n",
        machine.addr("HTTP_ADDR")
    );
    assert_eq!(String::from_utf8_lossy(&output.stdout), expected);
}

#[test]
fn an_unknown_command_is_answered_with_the_known_ones() {
    let output = Machine::new().voronka(&["dance"]).output().unwrap();
    assert_eq!(output.status.code(), Some(64));
    assert!(String::from_utf8_lossy(&output.stderr).contains("voronka doctor"));
}
