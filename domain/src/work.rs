//! The state of background work: a job, a delivery. Names are the wire's and the database's.

use crate::profile::coded_enum;

coded_enum! {
    /// `queued → running → done | retrying → dead` (a retrying job is queued again with a later time).
    JobState { Queued => "queued", Running => "running", Done => "done", Dead => "dead" }
}
coded_enum! {
    /// A message on its way out.
    DeliveryState {
        Queued => "queued",
        Sending => "sending",
        Sent => "sent",
        /// The messenger refused it for good.
        Rejected => "rejected",
        /// The person blocked the bot or is gone.
        Unreachable => "unreachable",
    }
}
