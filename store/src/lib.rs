//! The only room with SQL: SQLite by default, PostgreSQL for those who outgrow one machine.
//!
//! One statement text serves both; `dialect.rs` lists every real difference. All work happens in a [`Tx`] that belongs
//! to one tenant, so a query that forgets the tenant can't be written; the few things that look across tenants
//! (claiming jobs, finding a session) stand on [`SystemTx`].

// No floats near money.
#![deny(clippy::disallowed_types, clippy::float_arithmetic)]

mod access;
mod approvals;
mod audit;
mod bot_links;
mod chat_messages;
mod client_list;
mod clients;
mod conversations;
mod dialect;
mod doctor;
mod error;
mod files;
mod held_notices;
mod idempotency;
mod inbox;
mod jobs;
mod keyset;
mod leads;
mod ledger;
mod links;
mod merges;
mod migrate;
mod order_costs;
mod orders;
mod outbox;
mod page;
mod payments;
mod pipeline;
mod products;
mod programs;
mod promo_codes;
mod purge;
mod questionnaires;
mod receipts;
mod reconciliations;
mod refunds;
mod replicas;
mod saved_methods;
mod sealed;
mod settings;
mod snapshots;
mod tasks;
mod telegram_invoices;
mod tenants;
mod timeline;
mod vault;
mod wordings;

use domain::ids::TenantId;
use sqlx::{PgPool, SqlitePool};

pub use access::{ApiKey, NewApiKey, NewSession, NewUser, Session, SignInFailures, SignInSubject, User};
pub use approvals::{Lineage, ProgramBatch};
pub use audit::AuditEntry;
pub use bot_links::{BotLink, LetterTrace};
pub use chat_messages::ChatMessage;
pub use clients::{Client, ClientFilter, ClientUpdate, NewClient, Origin};
pub use conversations::{Conversation, ConversationUpdate, NewConversation};
pub use dialect::Backend;
pub use doctor::Finding;
pub use error::{Error, Result};
pub use files::{NewFile, StoredFile};
pub use held_notices::{HeldNotice, NewHeldNotice};
pub use idempotency::{IdempotencyClaim, KeyLease, StoredResponse, holding_key};
pub use inbox::{NewInboxEvent, Recorded};
pub use jobs::{Job, JobKinds, JobLease, NewJob};
pub use leads::{Lead, LeadFilter, NewLead};
pub use ledger::{AccountBalance, Entry, JournalRow, NewTransfer, account_id};
pub use links::{DeepLink, NewTouch, Touch};
pub use migrate::SchemaError;
pub use order_costs::OrderCost;
pub use orders::{NewOrder, Order, OrderFilter, OrderLine};
pub use outbox::{ClaimedDelivery, MAX_LEASE_MS, NewDelivery, Report, ReportedDelivery, StuckDelivery};
pub use page::{Cursor, PageOf, PageRequest};
pub use payments::{NewPayment, Payment, PaymentEvent, PaymentFilter};
pub use pipeline::{Move, NewMove, Stage, StageTotal};
pub use products::{ClientDiscount, Product};
pub use programs::{NewProgram, Program, ProgramFilter, ReadyProgram};
pub use promo_codes::{PromoReport, PromoSum, StoredPromoCode};
pub use purge::Old;
pub use questionnaires::{DropOff, FormRow, Questionnaire, QuestionnaireFilter, StoredAnswer};
pub use receipts::{NewReceipt, Receipt, ReceiptFilter, Regime};
pub use reconciliations::{Difference, NewReconciliation, ReconciledDay, Reconciliation};
pub use refunds::{NewRefund, Refund, RefundFilter, RefundPart};
pub use replicas::{GONE_AFTER_MS, Sighting};
pub use saved_methods::{NewSavedMethod, SavedMethod};
pub use sealed::{KeyUse, ResealCursor, Resealed, SEALED_COLUMNS, SealedColumn};
pub use settings::Setting;
pub use snapshots::{NewSnapshot, Packed, SheetLook, Snapshot, SnapshotState, SnapshotTables};
pub use tasks::{NewTask, Task};
pub use telegram_invoices::TelegramInvoice;
pub use timeline::{Action, Consent, Message, NewMessage};
pub use vault::{MasterKeys, Vault, VaultError};
pub use wordings::{NewWordingCall, WordingTotal};

/// A database that is migrated and ready.
#[derive(Clone, Debug)]
pub struct Store {
    pools: Pools,
    vault: Vault,
}

#[derive(Clone, Debug)]
enum Pools {
    /// SQLite takes one writer at a time: waiting for a pool of one beats failing on a lock.
    Sqlite {
        write: SqlitePool,
        read: SqlitePool,
    },
    Postgres(PgPool),
}

/// A handle that sees one tenant.
#[derive(Clone, Debug)]
pub struct Tenant {
    store: Store,
    id: TenantId,
}

/// A transaction of one tenant. Dropped without [`Tx::commit`], it never happened.
#[derive(Debug)]
pub struct Tx {
    link: dialect::Link,
    tenant: TenantId,
    vault: Vault,
}

/// A transaction that may look across tenants, for the little that has to.
#[derive(Debug)]
pub struct SystemTx {
    link: dialect::Link,
    vault: Vault,
}

impl Store {
    /// Opens `sqlite://path` (made if missing) or `postgres://…`, and brings the schema up to date.
    ///
    /// Errors: a sentence that says what is wrong with the address, the server or the schema's version.
    pub async fn open(url: &str, vault: Vault) -> Result<Self> {
        let pools = dialect::connect(url).await?;
        let store = Self { pools, vault };
        migrate::run(&store).await?;
        Ok(store)
    }

    pub const fn backend(&self) -> Backend {
        match &self.pools {
            Pools::Sqlite { .. } => Backend::Sqlite,
            Pools::Postgres(_) => Backend::Postgres,
        }
    }

    pub fn tenant(&self, id: &TenantId) -> Tenant {
        Tenant {
            store: self.clone(),
            id: id.clone(),
        }
    }

    /// A transaction across tenants that may write.
    pub async fn system(&self) -> Result<SystemTx> {
        Ok(SystemTx {
            link: self.begin(true).await?,
            vault: self.vault.clone(),
        })
    }

    /// A transaction across tenants that only reads.
    pub async fn system_read(&self) -> Result<SystemTx> {
        Ok(SystemTx {
            link: self.begin(false).await?,
            vault: self.vault.clone(),
        })
    }

    /// The ids of the master keys, the one that seals first.
    pub fn master_keys(&self) -> Vec<String> {
        self.vault.keys().map(str::to_owned).collect()
    }

    /// Ends all connections; on SQLite this folds the write-ahead log back into the file.
    pub async fn close(&self) {
        match &self.pools {
            Pools::Sqlite { write, read } => {
                read.close().await;
                write.close().await;
            }
            Pools::Postgres(pool) => pool.close().await,
        }
    }

    /// Whether the database answers.
    pub async fn ping(&self) -> Result<()> {
        let mut tx = self.system_read().await?;
        dialect::scalar!(tx, i64, "SELECT CAST(1 AS BIGINT)")?;
        Ok(())
    }

    async fn begin(&self, writes: bool) -> Result<dialect::Link> {
        dialect::begin(&self.pools, writes).await
    }
}

impl Tenant {
    pub const fn id(&self) -> &TenantId {
        &self.id
    }

    /// A transaction that may write. On SQLite it holds the write lock from the start.
    pub async fn write(&self) -> Result<Tx> {
        Ok(Tx {
            link: self.store.begin(true).await?,
            tenant: self.id.clone(),
            vault: self.store.vault.clone(),
        })
    }

    /// A transaction that only reads.
    pub async fn read(&self) -> Result<Tx> {
        Ok(Tx {
            link: self.store.begin(false).await?,
            tenant: self.id.clone(),
            vault: self.store.vault.clone(),
        })
    }
}

impl Tx {
    pub async fn commit(self) -> Result<()> {
        self.link.commit().await
    }

    pub const fn tenant_id(&self) -> &TenantId {
        &self.tenant
    }

    fn seal(&self, place: &str, owner: &str, plain: &[u8]) -> Result<Vec<u8>> {
        Ok(self.vault.seal(self.tenant.as_ref(), place, owner, plain)?)
    }

    fn open(&self, place: &'static str, owner: &str, sealed: &[u8]) -> Result<Vec<u8>> {
        self.vault
            .open(self.tenant.as_ref(), place, owner, sealed)
            .map_err(|source| Error::Sealed {
                place,
                id: owner.to_owned(),
                source,
            })
    }

    fn open_text(&self, place: &'static str, owner: &str, sealed: &[u8]) -> Result<String> {
        let plain = self.open(place, owner, sealed)?;
        String::from_utf8(plain).map_err(|_| Error::corrupt(place, owner))
    }
}

impl SystemTx {
    pub async fn commit(self) -> Result<()> {
        self.link.commit().await
    }
}
