//! What was asked of the banks, and what they answered.

use std::{collections::VecDeque, io};

use axum::{
    body::Body,
    http::{HeaderValue, header},
    response::Response,
};
use bytes::Bytes;
use serde::Serialize;
use serde_json::Value;

use super::Bank;

const KEPT_CALLS: usize = 1_000;

#[derive(Debug, Clone, Serialize)]
pub struct Exchange {
    pub at_ms: i64,
    pub bank: Bank,
    pub call: String,
    pub path: String,
    /// YooKassa's `Idempotence-Key`.
    pub key: Option<String>,
    pub request: Value,
    /// `None` when no answer was given.
    pub status: Option<u16>,
    pub answer: Value,
    /// The switch that had its hand in it.
    pub fault: Option<&'static str>,
}

#[derive(Debug, Default)]
pub struct Journal {
    pub exchanges: VecDeque<Exchange>,
}

impl Journal {
    pub fn note(&mut self, exchange: Exchange) {
        self.exchanges.push_back(exchange);
        if self.exchanges.len() > KEPT_CALLS {
            self.exchanges.pop_front();
        }
    }
}

/// A body that fails before its first byte makes the server close the connection with the answer unsent.
pub fn hang_up() -> Response {
    let broken = futures::stream::once(async { Err::<Bytes, _>(io::Error::other("the answer is dropped on purpose")) });
    let mut response = Response::new(Body::from_stream(broken));
    response
        .headers_mut()
        .insert(header::CONTENT_LENGTH, HeaderValue::from_static("1"));
    response
}
