//! `GET /payments`, `/refunds`, `/receipts`: newest first, a page at a time, with filters.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};

use data_encoding::BASE64URL_NOPAD;
use serde_json::{Value, json};

use super::{error::ApiError, payments, receipts, refunds};
use crate::{banks::parse_instant, world::World};

const DEFAULT_LIMIT: usize = 10;
const MAX_LIMIT: usize = 100;

/// One thing of a list with what it is sorted and filtered by.
struct Row<'a, T> {
    item: &'a T,
    created_at_ms: i64,
    captured_at_ms: Option<i64>,
    seq: u64,
    fields: Vec<(&'static str, String)>,
}

type Query = [(String, String)];

struct Filters {
    limit: usize,
    /// `(created_at_ms, seq)` of the last thing that was shown.
    after: Option<(i64, u64)>,
    stamp: u64,
}

/// A cursor belongs to its filters: everything but limit and cursor goes into the stamp.
fn stamp(query: &Query) -> u64 {
    let mut filters: Vec<_> = query
        .iter()
        .filter(|(name, _)| name != "limit" && name != "cursor")
        .collect();
    filters.sort();
    let mut hasher = DefaultHasher::new();
    filters.hash(&mut hasher);
    hasher.finish()
}

fn read_filters(query: &Query, allowed: &[&str]) -> Result<Filters, ApiError> {
    let stamp = stamp(query);
    let mut filters = Filters {
        limit: DEFAULT_LIMIT,
        after: None,
        stamp,
    };
    for (name, value) in query {
        match name.as_str() {
            "limit" => {
                filters.limit = value
                    .parse()
                    .ok()
                    .filter(|limit| (1..=MAX_LIMIT).contains(limit))
                    .ok_or_else(|| ApiError::at("limit", "Limit must be from 1 to 100"))?;
            }
            "cursor" => {
                let wrong = || ApiError::at("cursor", "Invalid cursor");
                let text = BASE64URL_NOPAD.decode(value.as_bytes()).map_err(|_| wrong())?;
                let text = String::from_utf8(text).map_err(|_| wrong())?;
                let parts: Vec<&str> = text.split(':').collect();
                let [of, at, seq] = parts.as_slice() else {
                    return Err(wrong());
                };
                if of.parse() != Ok(stamp) {
                    return Err(wrong());
                }
                let (at, seq) = (at.parse().map_err(|_| wrong())?, seq.parse().map_err(|_| wrong())?);
                filters.after = Some((at, seq));
            }
            other => {
                let base = other.split_once('.').map_or(other, |(base, _)| base);
                if !allowed.contains(&base) {
                    return Err(ApiError::at(other, "Unknown parameter"));
                }
            }
        }
    }
    Ok(filters)
}

fn passes_moment(moment: Option<i64>, operator: &str, value: &str, name: &str) -> Result<bool, ApiError> {
    let limit = parse_instant(value).ok_or_else(|| ApiError::at(name, "Invalid date"))?;
    let Some(moment) = moment else {
        return Ok(false);
    };
    match operator {
        "gte" => Ok(moment >= limit),
        "gt" => Ok(moment > limit),
        "lte" => Ok(moment <= limit),
        "lt" => Ok(moment < limit),
        _ => Err(ApiError::at(name, "Unknown parameter")),
    }
}

fn passes<T>(row: &Row<'_, T>, query: &Query) -> Result<bool, ApiError> {
    for (name, value) in query {
        let passed = match name.split_once('.') {
            Some(("created_at", operator)) => passes_moment(Some(row.created_at_ms), operator, value, name)?,
            Some(("captured_at", operator)) => passes_moment(row.captured_at_ms, operator, value, name)?,
            _ => row
                .fields
                .iter()
                .find(|(field, _)| field == name)
                .is_none_or(|(_, own)| own == value),
        };
        if !passed {
            return Ok(false);
        }
    }
    Ok(true)
}

fn page<'a, T: 'a>(
    rows: impl Iterator<Item = Row<'a, T>>,
    query: &Query,
    allowed: &[&str],
    show: impl Fn(&T) -> Value,
) -> Result<Value, ApiError> {
    let filters = read_filters(query, allowed)?;
    let mut kept = Vec::new();
    for row in rows {
        let newer = filters.after.is_some_and(|after| (row.created_at_ms, row.seq) >= after);
        if !newer && passes(&row, query)? {
            kept.push(row);
        }
    }
    kept.sort_by_key(|row| std::cmp::Reverse((row.created_at_ms, row.seq)));
    let more = kept.len() > filters.limit;
    kept.truncate(filters.limit);
    let items: Vec<Value> = kept.iter().map(|row| show(row.item)).collect();
    let mut answer = json!({"type": "list", "items": items});
    if let (true, Some(last), Some(fields)) = (more, kept.last(), answer.as_object_mut()) {
        let cursor = format!("{}:{}:{}", filters.stamp, last.created_at_ms, last.seq);
        fields.insert("next_cursor".into(), json!(BASE64URL_NOPAD.encode(cursor.as_bytes())));
    }
    Ok(answer)
}

pub fn payments(world: &World, shop: &str, query: &Query) -> Result<Value, ApiError> {
    let mine = world
        .banks
        .yookassa
        .payments
        .values()
        .filter(|payment| payment.shop == shop);
    let rows = mine.map(|payment| Row {
        item: payment,
        created_at_ms: payment.created_at_ms,
        captured_at_ms: payment.captured_at_ms,
        seq: payment.seq,
        fields: vec![
            ("status", payment.status.name().to_owned()),
            ("payment_method", payment.method_type.clone()),
        ],
    });
    let allowed = ["created_at", "captured_at", "payment_method", "status"];
    page(rows, query, &allowed, |payment| payments::to_wire(world, payment))
}

pub fn refunds(world: &World, shop: &str, query: &Query) -> Result<Value, ApiError> {
    let mine = world
        .banks
        .yookassa
        .refunds
        .values()
        .filter(|refund| refund.shop == shop);
    let rows = mine.map(|refund| Row {
        item: refund,
        created_at_ms: refund.created_at_ms,
        captured_at_ms: None,
        seq: refund.seq,
        fields: vec![
            ("status", refund.status.name().to_owned()),
            ("payment_id", refund.payment_id.clone()),
        ],
    });
    page(rows, query, &["created_at", "payment_id", "status"], refunds::to_wire)
}

pub fn receipts(world: &World, shop: &str, query: &Query) -> Result<Value, ApiError> {
    let mine = world
        .banks
        .yookassa
        .receipts
        .iter()
        .filter(|receipt| receipt.account == shop);
    let rows = mine.map(|receipt| Row {
        item: receipt,
        created_at_ms: receipt.created_at_ms,
        captured_at_ms: None,
        seq: receipt.document,
        fields: vec![
            ("status", receipt.status.name().to_owned()),
            (
                "payment_id",
                match receipt.refund_id {
                    Some(_) => String::new(),
                    None => receipt.payment_id.clone(),
                },
            ),
            ("refund_id", receipt.refund_id.clone().unwrap_or_default()),
        ],
    });
    let allowed = ["created_at", "payment_id", "refund_id", "status"];
    page(rows, query, &allowed, receipts::to_wire)
}
