//! Keeps one program alive: starts it, relays its lines, starts it again when it dies, stops it when asked.

use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use tokio::process::{Child, Command};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::screen::{Screen, Speaker};
use crate::settings::Values;

const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// A program that lived this long was well: its next death is a new story with a short pause.
const HEALTHY_LIFE: Duration = Duration::from_secs(10);
/// What a dead program's grandchildren may still hold of its output before we stop listening.
const LAST_WORDS: Duration = Duration::from_millis(500);

#[derive(Debug, Clone)]
pub struct Program {
    pub speaker: Speaker,
    pub file: PathBuf,
    pub values: Arc<Values>,
    /// Answers 200 when the program can work.
    pub ready_url: String,
    /// Set once the program has been ready. Before that, a program that ends by itself refuses its configuration and
    /// starting it again would only repeat its complaint.
    pub was_ready: Arc<AtomicBool>,
}

#[derive(Debug, thiserror::Error)]
pub enum SupervisorError {
    #[error("{name} cannot be started from {file}: {source}")]
    Start {
        name: &'static str,
        file: PathBuf,
        source: std::io::Error,
    },
    #[error("{name} ended before it was ready ({status}); its own lines above say why")]
    Refused { name: &'static str, status: ExitStatus },
}

/// How a program ended on request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stopped {
    ByItself,
    /// It did not go within its time and was killed.
    Killed,
}

/// Runs until `stop` holds a deadline. The program gets SIGTERM at once and SIGKILL at the deadline, which may move
/// (a second Ctrl+C brings it forward).
pub async fn supervise(
    program: Program,
    screen: Screen,
    mut stop: watch::Receiver<Option<Instant>>,
) -> Result<Stopped, SupervisorError> {
    let name = program.speaker.name;
    let mut pause = FIRST_PAUSE;
    loop {
        if stop.borrow().is_some() {
            return Ok(Stopped::ByItself);
        }
        let begun = Instant::now();
        let mut child = start(&program)?;
        let group = child.id().and_then(|id| i32::try_from(id).ok()).map(Pid::from_raw);
        let relays = [
            child
                .stdout
                .take()
                .map(|stream| tokio::spawn(screen.relay(program.speaker, stream))),
            child
                .stderr
                .take()
                .map(|stream| tokio::spawn(screen.relay(program.speaker, stream))),
        ];
        let ended = tokio::select! {
            status = child.wait() => Ended::Died(status.map_err(|source| start_error(&program, source))?),
            () = asked_to_stop(&mut stop) => Ended::Stopped(stop_child(&mut child, group, &mut stop).await),
        };
        for relay in relays.into_iter().flatten() {
            let _ = tokio::time::timeout(LAST_WORDS, relay).await;
        }
        let status = match ended {
            Ended::Stopped(stopped) => return Ok(stopped),
            Ended::Died(status) => status,
        };
        if status.code().is_some() && !program.was_ready.load(Ordering::Relaxed) {
            return Err(SupervisorError::Refused { name, status });
        }
        if begun.elapsed() >= HEALTHY_LIFE {
            pause = FIRST_PAUSE;
        }
        let pause_ms = pause.as_millis();
        screen.say(
            &format!("{name} died ({status}); starting it again in {pause_ms} ms"),
            &format!("{name} остановился; запускаю снова через {pause_ms} мс"),
        );
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = asked_to_stop(&mut stop) => return Ok(Stopped::ByItself),
        }
        pause = longer(pause);
    }
}

enum Ended {
    Died(ExitStatus),
    Stopped(Stopped),
}

fn longer(pause: Duration) -> Duration {
    pause.saturating_mul(2).min(LONGEST_PAUSE)
}

fn start(program: &Program) -> Result<Child, SupervisorError> {
    // Where util-linux is at hand, the kernel tells the program when the launcher itself is killed, so that nothing
    // stays behind on its ports. The launcher spawns from its main thread only, whose end is the launcher's end.
    let mut command = match bound_to_our_life() {
        Some(setpriv) => {
            let mut command = Command::new(setpriv);
            command.args(["--pdeathsig", "TERM", "--"]).arg(&program.file);
            command
        }
        None => Command::new(&program.file),
    };
    command
        .env_clear()
        .envs(program.values.iter())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        // Its own process group: Ctrl+C reaches the launcher alone, which then stops the programs in order.
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
        .map_err(|source| start_error(program, source))
}

fn bound_to_our_life() -> Option<&'static str> {
    ["/usr/bin/setpriv", "/bin/setpriv"]
        .into_iter()
        .find(|path| std::path::Path::new(path).exists())
}

fn start_error(program: &Program, source: std::io::Error) -> SupervisorError {
    SupervisorError::Start {
        name: program.speaker.name,
        file: program.file.clone(),
        source,
    }
}

/// Resolves when a deadline is set; never when the other side is gone, because then nobody asks any more.
async fn asked_to_stop(stop: &mut watch::Receiver<Option<Instant>>) {
    if stop.wait_for(Option::is_some).await.is_err() {
        std::future::pending::<()>().await;
    }
}

async fn stop_child(child: &mut Child, group: Option<Pid>, stop: &mut watch::Receiver<Option<Instant>>) -> Stopped {
    signal(group, Signal::SIGTERM);
    loop {
        let deadline = (*stop.borrow_and_update()).unwrap_or_else(Instant::now);
        tokio::select! {
            _ = child.wait() => return Stopped::ByItself,
            () = tokio::time::sleep_until(deadline) => break,
            Ok(()) = stop.changed() => {}
        }
    }
    signal(group, Signal::SIGKILL);
    let _ = child.wait().await;
    Stopped::Killed
}

/// A group that is gone already is what was wanted.
fn signal(group: Option<Pid>, signal: Signal) {
    if let Some(group) = group {
        let _ = killpg(group, signal);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pause_between_starts_grows_to_five_seconds() {
        let pauses: Vec<u128> = std::iter::successors(Some(FIRST_PAUSE), |pause| Some(longer(*pause)))
            .take(7)
            .map(|pause| pause.as_millis())
            .collect();
        assert_eq!(pauses, [200, 400, 800, 1600, 3200, 5000, 5000]);
    }
}
