//! Promo codes: one by one, or many at once.

use domain::ids::{ClientId, Id, ProductId, PromoCodeId};
use domain::money::{BasisPoints, Money};
use domain::promo::{Discount, PromoCode, normalize};
use domain::time::Timestamp;
use serde_json::json;
use store::{PageOf, PageRequest, PromoReport, StoredPromoCode, Tx};

use super::check_cursor;
use super::contact::Checks;
use super::products::MAX_AMOUNT_MINOR;
use crate::access::audit;
use crate::clock::random_bytes;
use crate::{App, Caller, Error, Result};

const MAX_CODE_CHARS: usize = 64;
const MAX_PREFIX_CHARS: usize = 16;
const MAX_BATCH_CHARS: usize = 100;
const MAX_NOTE_CHARS: usize = 500;
const MAX_NAMED: usize = 200;
const MAX_COUNT: u32 = 1_000;
const LENGTHS: std::ops::RangeInclusive<u32> = 4..=16;
/// Nothing that is mistaken for something else when it is read aloud or typed from paper: no 0, O, 1, I, L.
const ALPHABET: &[u8; 31] = b"ABCDEFGHJKMNPQRSTUVWXYZ23456789";
/// So many guesses for each code that is right, or somebody will find one.
const GUESSES_A_CODE: u64 = 10_000;

/// What a code takes off, for whom and when, as it was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms {
    pub discount: WantedDiscount,
    pub starts_at: Option<Timestamp>,
    pub ends_at: Option<Timestamp>,
    pub total_limit: Option<u32>,
    pub per_client_limit: Option<u32>,
    pub is_first_order_only: bool,
    pub products: Vec<String>,
    pub clients: Vec<String>,
    pub minimum: Option<Money>,
    pub note: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WantedDiscount {
    Percent(u16),
    Sum(Money),
}

/// Many codes of the same terms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    pub name: String,
    pub count: u32,
    pub prefix: String,
    pub length: u32,
    pub terms: Terms,
}

/// Newest first; of one bulk generation if `batch` is given.
///
/// Errors: `Invalid` names `cursor`.
pub async fn list(
    app: &App,
    caller: &Caller,
    batch: Option<&str>,
    page: &PageRequest,
) -> Result<PageOf<StoredPromoCode>> {
    check_cursor::<PromoCodeId>(page)?;
    let mut tx = app.tenant(&caller.tenant).read().await?;
    Ok(tx.list_promo_codes(batch, page).await?)
}

/// Errors: `NotFound`.
pub async fn find(app: &App, caller: &Caller, id: &PromoCodeId) -> Result<StoredPromoCode> {
    found(app.tenant(&caller.tenant).read().await?.find_promo_code(id).await?)
}

/// How a code did.
///
/// Errors: `NotFound`.
pub async fn report(app: &App, caller: &Caller, id: &PromoCodeId) -> Result<PromoReport> {
    let mut tx = app.tenant(&caller.tenant).read().await?;
    found(tx.find_promo_code(id).await?)?;
    Ok(tx.promo_report(id).await?)
}

/// Errors: `Invalid` with every wrong field; `Conflict` `code_taken`.
pub async fn create(app: &App, caller: &Caller, code: &str, terms: &Terms) -> Result<StoredPromoCode> {
    let mut checks = Checks::default();
    let label = spelled(&mut checks, "code", code, MAX_CODE_CHARS, false);
    let mut tx = app.tenant(&caller.tenant).write().await?;
    let new = terms.checked(&mut tx, checks, app.new_id(), label, app.now()).await?;
    if !tx.insert_promo_code(&new).await? {
        return Err(Error::conflict(
            "code_taken",
            "there is such a code already; spaces, case and look-alike letters don't make another",
        ));
    }
    let details = json!({ "code": new.label, "discount": new.code.discount });
    tx.record_audit(&audit(app, caller, "promo_code.created", new.code.id.as_ref(), details))
        .await?;
    let saved = found(tx.find_promo_code(&new.code.id).await?)?;
    tx.commit().await?;
    Ok(saved)
}

/// Makes many codes at once: all of them, or none.
///
/// Errors: `Invalid` with every wrong field; `Conflict` `batch_taken`.
pub async fn generate(app: &App, caller: &Caller, batch: &Batch) -> Result<Vec<String>> {
    let mut checks = Checks::default();
    let name = batch.name.trim().to_owned();
    if name.is_empty() || name.chars().count() > MAX_BATCH_CHARS || name.chars().any(char::is_control) {
        let sentence = format!("a name is one line of 1 to {MAX_BATCH_CHARS} characters");
        checks.add("batch", "length", sentence);
    }
    let prefix = spelled(&mut checks, "prefix", &batch.prefix, MAX_PREFIX_CHARS, true);
    if !(1..=MAX_COUNT).contains(&batch.count) {
        checks.add("count", "out_of_range", format!("1 to {MAX_COUNT} codes at once"));
    }
    if !LENGTHS.contains(&batch.length) {
        let sentence = format!("{} to {} random characters", LENGTHS.start(), LENGTHS.end());
        checks.add("length", "out_of_range", sentence);
    } else if (ALPHABET.len() as u64).saturating_pow(batch.length) / GUESSES_A_CODE < u64::from(batch.count) {
        checks.add(
            "length",
            "too_short",
            "so many codes of this length could be guessed: make them longer",
        );
    }
    let now = app.now();
    let mut tx = app.tenant(&caller.tenant).write().await?;
    let template = batch
        .terms
        .checked(&mut tx, checks, app.new_id(), prefix.clone(), now)
        .await?;
    let one = PageRequest { limit: 1, after: None };
    if !tx.list_promo_codes(Some(&name), &one).await?.items.is_empty() {
        return Err(Error::conflict(
            "batch_taken",
            "there is a generation of this name already",
        ));
    }
    let mut labels = Vec::with_capacity(batch.count as usize);
    let first = template.code.id.clone();
    while labels.len() < batch.count as usize {
        let label = format!("{prefix}{}", random_code(batch.length as usize));
        let mut new = template.clone();
        new.code.id = app.new_id();
        new.code.code = normalize(&label);
        new.label.clone_from(&label);
        new.batch = Some(name.clone());
        // One that exists by chance is drawn again.
        if tx.insert_promo_code(&new).await? {
            labels.push(label);
        }
    }
    let details = json!({ "batch": name, "count": batch.count, "discount": template.code.discount });
    tx.record_audit(&audit(app, caller, "promo_code.generated", first.as_ref(), details))
        .await?;
    tx.commit().await?;
    Ok(labels)
}

/// Saves the terms, if `version` is still current. Orders that are placed keep their price.
///
/// Errors: `NotFound`; `VersionConflict`; `Invalid` with every wrong field.
pub async fn save(
    app: &App,
    caller: &Caller,
    id: &PromoCodeId,
    version: i64,
    terms: &Terms,
    is_active: bool,
) -> Result<StoredPromoCode> {
    let mut tx = app.tenant(&caller.tenant).write().await?;
    let before = found(tx.find_promo_code(id).await?)?;
    if before.version != version {
        return Err(Error::VersionConflict { what: "promo code" });
    }
    let mut changed = terms
        .checked(&mut tx, Checks::default(), id.clone(), before.label.clone(), app.now())
        .await?;
    changed.code.is_active = is_active;
    changed.version = version;
    tx.update_promo_code(&changed).await?;
    let details = json!({ "code": before.label, "discount": changed.code.discount, "is_active": is_active });
    tx.record_audit(&audit(app, caller, "promo_code.saved", id.as_ref(), details))
        .await?;
    let saved = found(tx.find_promo_code(id).await?)?;
    tx.commit().await?;
    Ok(saved)
}

/// Nobody can use it any more. Orders that have reserved it keep their price. Doing it again changes nothing.
///
/// Errors: `NotFound`.
pub async fn deactivate(app: &App, caller: &Caller, id: &PromoCodeId) -> Result<StoredPromoCode> {
    let mut tx = app.tenant(&caller.tenant).write().await?;
    let mut promo = found(tx.find_promo_code(id).await?)?;
    if !promo.code.is_active {
        return Ok(promo);
    }
    promo.code.is_active = false;
    tx.update_promo_code(&promo).await?;
    let details = json!({ "code": promo.label });
    tx.record_audit(&audit(app, caller, "promo_code.deactivated", id.as_ref(), details))
        .await?;
    let saved = found(tx.find_promo_code(id).await?)?;
    tx.commit().await?;
    Ok(saved)
}

fn found(promo: Option<StoredPromoCode>) -> Result<StoredPromoCode> {
    promo.ok_or(Error::NotFound { what: "promo code" })
}

/// What people can type on a phone.
fn spelled(checks: &mut Checks, field: &str, text: &str, max_chars: usize, may_be_empty: bool) -> String {
    let text = text.trim();
    let length = text.chars().count();
    let is_code = length <= max_chars
        && (may_be_empty || length > 0)
        && text
            .chars()
            .all(|letter| letter.is_alphanumeric() || matches!(letter, '_' | '-'));
    if !is_code {
        let least = usize::from(!may_be_empty);
        let sentence = format!("{least} to {max_chars} letters, digits, _ and -");
        checks.add(field, "invalid", sentence);
    }
    text.to_owned()
}

/// Every character is equally likely: bytes that would favour some are thrown away.
fn random_code(length: usize) -> String {
    let mut code = String::with_capacity(length);
    while code.len() < length {
        for byte in random_bytes::<16>() {
            if let Some(character) = ALPHABET.get(usize::from(byte & 31)).filter(|_| code.len() < length) {
                code.push(char::from(*character));
            }
        }
    }
    code
}

impl Terms {
    async fn checked(
        &self,
        tx: &mut Tx,
        mut checks: Checks,
        id: PromoCodeId,
        label: String,
        now: Timestamp,
    ) -> Result<StoredPromoCode> {
        let discount = match self.discount {
            WantedDiscount::Percent(share) => {
                let share = BasisPoints::new(share).filter(|share| share.value() > 0);
                if share.is_none() {
                    let sentence = "1 to 10000 hundredths of a percent";
                    checks.add("terms/discount/basis_points", "out_of_range", sentence);
                }
                Discount::Percent {
                    basis_points: share.unwrap_or(BasisPoints::HUNDRED_PERCENT),
                }
            }
            WantedDiscount::Sum(amount) => {
                amount_above_zero(&mut checks, "terms/discount/amount/amount_minor", amount);
                Discount::Sum { amount }
            }
        };
        if let Some(minimum) = self.minimum {
            amount_above_zero(&mut checks, "terms/minimum/amount_minor", minimum);
        }
        if let (Some(from), Some(to)) = (self.starts_at, self.ends_at)
            && from >= to
        {
            checks.add("terms/ends_at", "out_of_range", "it ends before it begins");
        }
        for (field, limit) in [
            ("total_limit", self.total_limit),
            ("per_client_limit", self.per_client_limit),
        ] {
            if limit == Some(0) {
                checks.add(
                    &format!("terms/{field}"),
                    "out_of_range",
                    "1 or more; leave it out for no limit",
                );
            }
        }
        if self.note.chars().count() > MAX_NOTE_CHARS {
            checks.add("terms/note", "length", format!("{MAX_NOTE_CHARS} characters at most"));
        }
        let products: Vec<ProductId> = ids(&mut checks, "terms/products", &self.products);
        for product in &products {
            if tx.find_product(product).await?.is_none() {
                checks.add("terms/products", "not_found", format!("there is no product {product}"));
            }
        }
        let clients: Vec<ClientId> = ids(&mut checks, "terms/clients", &self.clients);
        for client in &clients {
            if tx.find_client(client).await?.is_none() {
                checks.add("terms/clients", "not_found", format!("there is no client {client}"));
            }
        }
        checks.done()?;
        Ok(StoredPromoCode {
            code: PromoCode {
                id,
                code: normalize(&label),
                discount,
                starts_at: self.starts_at,
                ends_at: self.ends_at,
                total_limit: self.total_limit,
                per_client_limit: self.per_client_limit,
                is_first_order_only: self.is_first_order_only,
                products,
                clients,
                minimum: self.minimum,
                is_active: true,
            },
            label,
            batch: None,
            note: self.note.trim().to_owned(),
            uses: 0,
            created_at: now,
            version: 0,
        })
    }
}

fn amount_above_zero(checks: &mut Checks, field: &str, amount: Money) {
    if !(1..=MAX_AMOUNT_MINOR).contains(&amount.minor) {
        checks.add(field, "out_of_range", format!("1 to {MAX_AMOUNT_MINOR} minor units"));
    }
}

fn ids<T: Id + PartialEq>(checks: &mut Checks, field: &str, texts: &[String]) -> Vec<T> {
    if texts.len() > MAX_NAMED {
        checks.add(field, "length", format!("{MAX_NAMED} at most"));
        return Vec::new();
    }
    let mut found: Vec<T> = Vec::with_capacity(texts.len());
    for (place, text) in texts.iter().enumerate() {
        match T::parse(text) {
            Some(id) if found.contains(&id) => {}
            Some(id) => found.push(id),
            None => checks.add(
                &format!("{field}/{place}"),
                "not_found",
                "there is nothing with this id",
            ),
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_random_code_is_easy_to_read_and_typed_in_any_case() {
        let code = random_code(8);
        assert_eq!(code.len(), 8);
        assert!(code.bytes().all(|byte| ALPHABET.contains(&byte)), "{code}");
        assert_eq!(normalize(&code.to_lowercase()), code);
        assert!(b"0O1IL".iter().all(|letter| !ALPHABET.contains(letter)));
    }
}
