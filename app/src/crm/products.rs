//! The catalogue, and what a client always gets off.

use domain::ids::{ClientId, ProductId};
use domain::language::Localized;
use domain::money::{BasisPoints, Money};
use domain::order::{Grant, TaxTreatment};
use domain::time::Timestamp;
use serde_json::json;
use store::{ClientDiscount, PageOf, PageRequest, Product};

use super::contact::Checks;
use super::{check_cursor, note};
use crate::access::audit;
use crate::{App, Caller, Error, Result, settings};

const MAX_CODE_CHARS: usize = 64;
const MAX_TITLE_CHARS: usize = 128;
const MAX_DESCRIPTION_CHARS: usize = 3_000;
const MAX_DELIVERY_CHARS: usize = 1_000;
const MAX_PACKAGES: usize = 12;
const MAX_MONTHS: u32 = 120;
const MAX_NOTE_CHARS: usize = 500;
const MAX_POSITION: i64 = 1_000_000;
/// A hundred million roubles: more is a slip of the finger.
pub(super) const MAX_AMOUNT_MINOR: i64 = 10_000_000_000;

/// What an owner writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    pub code: String,
    pub title: Localized,
    pub description: Localized,
    pub delivery: Localized,
    pub grants: Vec<Grant>,
    pub price: Money,
    /// Also offered as an addition to other orders; sold on its own all the same.
    pub is_addon: bool,
    pub is_monthly: bool,
    /// Months and basis points.
    pub packages: Vec<(u32, u16)>,
    pub tax: TaxTreatment,
    pub active_from: Option<Timestamp>,
    pub active_to: Option<Timestamp>,
    pub position: i64,
}

/// Newest first, archived ones too.
///
/// Errors: `Invalid` names `cursor`.
pub async fn list(app: &App, caller: &Caller, page: &PageRequest) -> Result<PageOf<Product>> {
    check_cursor::<ProductId>(page)?;
    Ok(app.tenant(&caller.tenant).read().await?.list_products(page).await?)
}

/// Errors: `NotFound`.
pub async fn find(app: &App, caller: &Caller, id: &ProductId) -> Result<Product> {
    app.tenant(&caller.tenant)
        .read()
        .await?
        .find_product(id)
        .await?
        .ok_or(Error::NotFound { what: "product" })
}

/// Errors: `Invalid` with every wrong field; `Conflict` `code_taken`.
pub async fn create(app: &App, caller: &Caller, draft: Draft) -> Result<Product> {
    let product = checked(draft, app.new_id())?;
    let mut tx = app.tenant(&caller.tenant).write().await?;
    if !tx.save_product(&product).await? {
        return Err(Error::conflict("code_taken", "another product has this code already"));
    }
    let details = json!({ "code": product.code, "price": product.price });
    tx.record_audit(&audit(app, caller, "product.created", product.id.as_ref(), details))
        .await?;
    let saved = found(tx.find_product(&product.id).await?)?;
    tx.commit().await?;
    settings::forget(app, &caller.tenant);
    Ok(saved)
}

/// Saves it whole, if `version` is still current. Orders keep what was agreed.
///
/// Errors: `NotFound`; `VersionConflict`; `Invalid` with every wrong field: the code stays as it is.
pub async fn save(app: &App, caller: &Caller, id: &ProductId, version: i64, draft: Draft) -> Result<Product> {
    let mut tx = app.tenant(&caller.tenant).write().await?;
    let before = found(tx.find_product(id).await?)?;
    if before.version != version {
        return Err(Error::VersionConflict { what: "product" });
    }
    if draft.code.trim() != before.code {
        return Err(Error::invalid("code", "immutable", "a product's code stays as it is"));
    }
    let product = Product {
        archived_at: before.archived_at,
        version,
        ..checked(draft, id.clone())?
    };
    tx.save_product(&product).await?;
    let details = json!({ "code": before.code, "price": { "from": before.price, "to": product.price } });
    tx.record_audit(&audit(app, caller, "product.saved", id.as_ref(), details))
        .await?;
    let saved = found(tx.find_product(id).await?)?;
    tx.commit().await?;
    settings::forget(app, &caller.tenant);
    Ok(saved)
}

/// Takes it out of the shop, or back in. Orders that name it go on.
///
/// Errors: `NotFound`; `VersionConflict`.
pub async fn set_archived(
    app: &App,
    caller: &Caller,
    id: &ProductId,
    version: i64,
    is_archived: bool,
) -> Result<Product> {
    let mut tx = app.tenant(&caller.tenant).write().await?;
    let mut product = found(tx.find_product(id).await?)?;
    if product.version != version {
        return Err(Error::VersionConflict { what: "product" });
    }
    if product.archived_at.is_some() == is_archived {
        return Ok(product);
    }
    product.archived_at = is_archived.then(|| app.now());
    tx.save_product(&product).await?;
    let action = if is_archived {
        "product.archived"
    } else {
        "product.restored"
    };
    tx.record_audit(&audit(
        app,
        caller,
        action,
        id.as_ref(),
        json!({ "code": product.code }),
    ))
    .await?;
    let saved = found(tx.find_product(id).await?)?;
    tx.commit().await?;
    settings::forget(app, &caller.tenant);
    Ok(saved)
}

fn found(product: Option<Product>) -> Result<Product> {
    product.ok_or(Error::NotFound { what: "product" })
}

fn checked(draft: Draft, id: ProductId) -> Result<Product> {
    let mut checks = Checks::default();
    let code = draft.code.trim().to_owned();
    let is_code = (1..=MAX_CODE_CHARS).contains(&code.len())
        && code
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'_' | b'-'));
    if !is_code {
        let sentence = format!("a code has 1 to {MAX_CODE_CHARS} of a-z, 0-9, _ and -");
        checks.add("code", "invalid", sentence);
    }
    let title = both(&mut checks, "title", &draft.title, MAX_TITLE_CHARS, true);
    if [&title.ru, &title.en]
        .iter()
        .any(|text| text.chars().any(char::is_control))
    {
        checks.add("title", "invalid_character", "a title is one line");
    }
    let description = both(
        &mut checks,
        "description",
        &draft.description,
        MAX_DESCRIPTION_CHARS,
        false,
    );
    let delivery = both(&mut checks, "delivery", &draft.delivery, MAX_DELIVERY_CHARS, true);
    let mut grants = draft.grants;
    grants.sort_unstable();
    grants.dedup();
    if grants.is_empty() {
        checks.add("grants", "length", "say what it gives: one grant at least");
    }
    if !(0..=MAX_AMOUNT_MINOR).contains(&draft.price.minor) {
        let sentence = format!("a price of 0 to {MAX_AMOUNT_MINOR} minor units");
        checks.add("price/amount_minor", "out_of_range", sentence);
    }
    if draft.is_addon && draft.is_monthly {
        checks.add(
            "is_addon",
            "not_allowed",
            "what is sold by the month is no addition to another order",
        );
    }
    let packages = packages(&mut checks, &draft.packages, draft.is_monthly);
    if let (Some(from), Some(to)) = (draft.active_from, draft.active_to)
        && from >= to
    {
        checks.add("active_to", "out_of_range", "it ends before it begins");
    }
    if !(-MAX_POSITION..=MAX_POSITION).contains(&draft.position) {
        checks.add("position", "out_of_range", "a smaller number will do");
    }
    checks.done()?;
    Ok(Product {
        id,
        code,
        title,
        description,
        delivery,
        grants,
        price: draft.price,
        is_addon: draft.is_addon,
        is_monthly: draft.is_monthly,
        tax: draft.tax,
        active_from: draft.active_from,
        active_to: draft.active_to,
        position: draft.position,
        archived_at: None,
        packages,
        version: 0,
    })
}

fn packages(checks: &mut Checks, wanted: &[(u32, u16)], is_monthly: bool) -> Vec<(u32, BasisPoints)> {
    if !wanted.is_empty() && !is_monthly {
        checks.add(
            "packages",
            "not_allowed",
            "packages of months are for what is sold by the month",
        );
    }
    if wanted.len() > MAX_PACKAGES {
        checks.add("packages", "length", format!("{MAX_PACKAGES} packages at most"));
    }
    let mut packages: Vec<(u32, BasisPoints)> = Vec::with_capacity(wanted.len().min(MAX_PACKAGES));
    for (place, (months, share)) in wanted.iter().take(MAX_PACKAGES).enumerate() {
        if !(2..=MAX_MONTHS).contains(months) {
            let sentence = format!("a package has 2 to {MAX_MONTHS} months");
            checks.add(&format!("packages/{place}/months"), "out_of_range", sentence);
        }
        if packages.iter().any(|(other, _)| other == months) {
            let sentence = "there is a package of so many months already";
            checks.add(&format!("packages/{place}/months"), "duplicate", sentence);
        }
        match BasisPoints::new(*share) {
            Some(share) => packages.push((*months, share)),
            None => checks.add(
                &format!("packages/{place}/basis_points"),
                "out_of_range",
                "0 to 10000 hundredths of a percent",
            ),
        }
    }
    packages.sort_unstable_by_key(|(months, _)| *months);
    packages
}

/// A text in both languages; one of them will do, the other falls back to it.
fn both(checks: &mut Checks, field: &str, text: &Localized, max_chars: usize, is_needed: bool) -> Localized {
    let text = Localized::new(text.ru.trim(), text.en.trim());
    if is_needed && text.ru.is_empty() && text.en.is_empty() {
        checks.add(field, "length", "needs a text, in Russian, English or both");
    }
    for (language, words) in [("ru", &text.ru), ("en", &text.en)] {
        if words.chars().count() > max_chars {
            let sentence = format!("{max_chars} characters at most");
            checks.add(&format!("{field}/{language}"), "length", sentence);
        }
        if words.contains('\0') {
            checks.add(
                &format!("{field}/{language}"),
                "invalid_character",
                "must not contain NUL",
            );
        }
    }
    text
}

/// A client's own discount; `None`: there is none.
///
/// Errors: `NotFound` client.
pub async fn find_discount(app: &App, caller: &Caller, client: &ClientId) -> Result<Option<ClientDiscount>> {
    let mut tx = app.tenant(&caller.tenant).read().await?;
    tx.find_client(client)
        .await?
        .ok_or(Error::NotFound { what: "client" })?;
    Ok(tx.client_discount(client).await?)
}

/// Sets it, if `version` is still current; 0 for a first one. Orders that are placed keep their price.
///
/// Errors: `NotFound` client; `VersionConflict`; `Invalid` with every wrong field.
pub async fn save_discount(
    app: &App,
    caller: &Caller,
    client: &ClientId,
    version: i64,
    basis_points: u16,
    words: Option<&str>,
    ends_at: Option<Timestamp>,
) -> Result<ClientDiscount> {
    let now = app.now();
    let mut checks = Checks::default();
    let share = BasisPoints::new(basis_points).filter(|share| share.value() > 0);
    if share.is_none() {
        checks.add("basis_points", "out_of_range", "1 to 10000 hundredths of a percent");
    }
    let words = words.map(str::trim).filter(|words| !words.is_empty());
    if words.is_some_and(|words| words.chars().count() > MAX_NOTE_CHARS) {
        checks.add("note", "length", format!("{MAX_NOTE_CHARS} characters at most"));
    }
    if ends_at.is_some_and(|at| at <= now) {
        checks.add("ends_at", "past", "this moment is over");
    }
    checks.done()?;
    let discount = ClientDiscount {
        basis_points: share.unwrap_or(BasisPoints::HUNDRED_PERCENT),
        note: words.map(str::to_owned),
        ends_at,
        version,
    };
    let mut tx = app.tenant(&caller.tenant).write().await?;
    tx.find_client(client)
        .await?
        .ok_or(Error::NotFound { what: "client" })?;
    let before = tx.client_discount(client).await?;
    if before.as_ref().map_or(0, |before| before.version) != version {
        return Err(Error::VersionConflict { what: "discount" });
    }
    tx.save_client_discount(client, &discount, now).await?;
    let details = json!({ "from": before.map(|before| before.basis_points), "to": discount.basis_points });
    note(app, &mut tx, caller, client, "discount.set", &details).await?;
    tx.record_audit(&audit(app, caller, "discount.set", client.as_ref(), details))
        .await?;
    let saved = tx
        .client_discount(client)
        .await?
        .ok_or_else(|| Error::internal("a discount vanished"))?;
    tx.commit().await?;
    Ok(saved)
}

/// Takes it away, if `version` is still current. Taking away what is not there changes nothing.
///
/// Errors: `NotFound` client; `VersionConflict`.
pub async fn delete_discount(app: &App, caller: &Caller, client: &ClientId, version: i64) -> Result<()> {
    let mut tx = app.tenant(&caller.tenant).write().await?;
    tx.find_client(client)
        .await?
        .ok_or(Error::NotFound { what: "client" })?;
    let Some(before) = tx.client_discount(client).await? else {
        return Ok(());
    };
    if !tx.delete_client_discount(client, version).await? {
        return Err(Error::VersionConflict { what: "discount" });
    }
    let details = json!({ "from": before.basis_points });
    note(app, &mut tx, caller, client, "discount.taken_away", &details).await?;
    tx.record_audit(&audit(app, caller, "discount.taken_away", client.as_ref(), details))
        .await?;
    tx.commit().await?;
    Ok(())
}
