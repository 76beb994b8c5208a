//! Times measured one by one, and many workers that measure at once.

use std::future::Future;
use std::time::{Duration, Instant};

use futures::future::try_join_all;

/// How often something happened in how long, and how long each took.
#[derive(Debug, Clone, Default)]
pub struct Timings {
    /// Sorted.
    each: Vec<Duration>,
    pub whole: Duration,
}

impl Timings {
    pub fn new(mut each: Vec<Duration>, whole: Duration) -> Self {
        each.sort_unstable();
        Self { each, whole }
    }

    /// Several rounds of the same.
    pub fn join(rounds: Vec<Self>) -> Self {
        let whole = rounds.iter().map(|round| round.whole).sum();
        Self::new(rounds.into_iter().flat_map(|round| round.each).collect(), whole)
    }

    pub fn count(&self) -> u64 {
        u64::try_from(self.each.len()).unwrap_or(u64::MAX)
    }

    pub fn per_second(&self) -> f64 {
        rate(self.count(), self.whole)
    }

    /// The nearest rank; 0 when nothing was measured.
    pub fn percentile_ms(&self, percent: usize) -> f64 {
        let rank = (self.each.len() * percent).div_ceil(100).saturating_sub(1);
        self.each.get(rank).map_or(0.0, |time| time.as_secs_f64() * 1000.0)
    }
}

pub fn rate(count: u64, whole: Duration) -> f64 {
    if whole.is_zero() {
        0.0
    } else {
        count as f64 / whole.as_secs_f64()
    }
}

/// Runs `work` again and again in `workers` tasks for `window`; the last ones are waited for.
pub async fn repeat<F, W>(workers: usize, window: Duration, work: W) -> anyhow::Result<Timings>
where
    W: Fn(usize) -> F + Send + Sync + Clone + 'static,
    F: Future<Output = anyhow::Result<()>> + Send,
{
    let start = Instant::now();
    let tasks = (0..workers).map(|worker| {
        let work = work.clone();
        let task = tokio::spawn(async move {
            let mut each = Vec::new();
            while start.elapsed() < window {
                let begin = Instant::now();
                work(worker).await?;
                each.push(begin.elapsed());
            }
            anyhow::Ok(each)
        });
        async move { task.await? }
    });
    let each = try_join_all(tasks).await?.concat();
    Ok(Timings::new(each, start.elapsed()))
}

/// Of rounds that took the same time.
pub fn mean(rates: &[f64]) -> f64 {
    rates.iter().sum::<f64>() / rates.len().max(1) as f64
}
