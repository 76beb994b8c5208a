//! Telling the CRM what became of its deliveries, at once and until it knows.

use std::{sync::Arc, time::Duration};

use api_types::conversation::{DeliveryResult, Outcome, ResultsRequest};
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio_util::task::{TaskTracker, task_tracker::TaskTrackerToken};
use tracing::{error, warn};

use super::ledger::Ledger;
use crate::{
    backoff::Backoff,
    crm::{Crm, CrmError},
};

/// Posts in flight. While they are, whatever comes in gathers into the next one, so a busy bot batches by itself and
/// a quiet one reports without delay.
const MAX_POSTS: usize = 4;
const MAX_BATCH: usize = 100;
/// A delivery whose report couldn't be brought home for this many tries (some ten minutes) is given up: its lease has
/// long ended.
const MAX_TRIES: u32 = 60;

struct Report {
    result: DeliveryResult,
    known: oneshot::Sender<()>,
    /// Keeps the shutdown waiting until this report is home.
    _token: TaskTrackerToken,
}

#[derive(Debug, Clone)]
pub struct Reporter {
    queue: mpsc::UnboundedSender<Report>,
    tracker: TaskTracker,
}

impl Reporter {
    /// Runs until the last clone is dropped; `tracker` waits for what is on its way.
    pub fn start(crm: Crm, replica: String, ledger: Arc<Ledger>, tracker: TaskTracker) -> Self {
        let (queue, mut reports) = mpsc::unbounded_channel::<Report>();
        let posts = Arc::new(Semaphore::new(MAX_POSTS));
        tokio::spawn(async move {
            while let Ok(permit) = Arc::clone(&posts).acquire_owned().await {
                let mut batch = Vec::new();
                if reports.recv_many(&mut batch, MAX_BATCH).await == 0 {
                    break;
                }
                let (crm, ledger, replica) = (crm.clone(), Arc::clone(&ledger), replica.clone());
                tokio::spawn(async move {
                    post(&crm, &ledger, replica, batch).await;
                    drop(permit);
                });
            }
        });
        Self { queue, tracker }
    }

    /// The receiver resolves when the CRM knows (or never will).
    pub fn send(&self, id: String, outcome: Outcome) -> oneshot::Receiver<()> {
        let (known, is_known) = oneshot::channel();
        let report = Report {
            result: DeliveryResult { id, outcome },
            known,
            _token: self.tracker.token(),
        };
        if self.queue.send(report).is_err() {
            error!("the reporter has stopped before its work");
        }
        is_known
    }
}

async fn post(crm: &Crm, ledger: &Ledger, replica: String, batch: Vec<Report>) {
    let request = ResultsRequest {
        replica,
        results: batch.iter().map(|report| report.result.clone()).collect(),
    };
    let mut backoff = Backoff::new(Duration::from_millis(200), Duration::from_secs(15));
    loop {
        match crm.report(&request).await {
            Ok(()) => break,
            Err(CrmError::Refused { status, code }) => {
                error!(
                    status,
                    code,
                    results = request.results.len(),
                    "the CRM refused a report"
                );
                break;
            }
            Err(error) if backoff.tries() >= MAX_TRIES => {
                error!(%error, results = request.results.len(), "a report is given up");
                break;
            }
            Err(error) => {
                if backoff.tries() == 0 {
                    warn!(%error, "the CRM doesn't take reports; they are kept and repeated");
                }
                tokio::time::sleep(backoff.next_wait()).await;
            }
        }
    }
    for result in &request.results {
        ledger.reported(&result.id);
    }
    for report in batch {
        report.known.send(()).ok();
    }
}
