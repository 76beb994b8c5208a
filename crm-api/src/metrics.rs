//! Figures for Prometheus.

use std::sync::OnceLock;
use std::time::Duration;

use metrics::{counter, histogram};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};

/// Seconds; fine where a request should be, coarse where it must not.
const BUCKETS: [f64; 11] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 30.0];

/// The process has one recorder, however many routers are built.
static HANDLE: OnceLock<PrometheusHandle> = OnceLock::new();

#[derive(Clone)]
pub(crate) struct Recorder(PrometheusHandle);

impl Recorder {
    pub(crate) fn install() -> Self {
        let handle = HANDLE.get_or_init(|| {
            let builder = PrometheusBuilder::new();
            let recorder = builder
                .set_buckets(&BUCKETS)
                .unwrap_or_else(|_| PrometheusBuilder::new())
                .build_recorder();
            let handle = recorder.handle();
            if metrics::set_global_recorder(recorder).is_err() {
                tracing::warn!("another metrics recorder is installed; /metrics stays empty");
            }
            handle
        });
        Self(handle.clone())
    }

    pub(crate) fn render(&self) -> String {
        self.0.run_upkeep();
        self.0.render()
    }
}

pub(crate) fn count_request(method: &str, route: &str, status: u16, took: Duration) {
    let labels = [
        ("method", method.to_owned()),
        ("route", route.to_owned()),
        ("status", status.to_string()),
    ];
    counter!("http_requests_total", &labels).increment(1);
    histogram!("http_request_duration_seconds", &labels).record(took.as_secs_f64());
}

/// Jobs that wait, run or have failed for good, over all tenants. A state nobody is in shows zero.
pub(crate) fn set_job_totals(totals: &[(String, i64)]) {
    for state in ["queued", "running", "dead"] {
        let jobs = totals
            .iter()
            .find(|(name, _)| name == state)
            .map_or(0, |(_, jobs)| *jobs);
        let jobs = f64::from(u32::try_from(jobs).unwrap_or(u32::MAX));
        metrics::gauge!("voronka_jobs", "state" => state).set(jobs);
    }
}
