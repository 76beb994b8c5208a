//! The administrator's side of the CRM: clients, leads, pipeline, programmes, questionnaires, links, background work.
//!
//! One module a resource. Requests refuse fields they don't know, so a misspelled one is an error and not silence.

mod approvals;
mod clients;
mod costs;
mod incomes;
mod leads;
mod ledger;
mod links;
mod methods;
mod money;
mod orders;
mod payments;
mod pipeline;
mod preview;
mod products;
mod programs;
mod promo_codes;
mod questionnaires;
mod reconciliations;
mod settings;
mod tasks;
mod telegram_payments;
mod templates;
mod timeline;
mod wording;

use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;

pub use approvals::{
    AffectedProgram, Alternative, AlternativeList, AlternativeQuery, AlternativeRelation, NoteRequest, ProgramDelivery,
    ProgramPhoneVersion, ProgramSettings, RegenerateRequest, Regeneration, RegenerationProgress, SwapRequest,
    VersionedProgramSettings,
};
pub use clients::{Client, ClientPatch, ClientQuery, MoveRequest, NewClient, StageRef};
pub use costs::{
    NewOrderCost, OrderCost, OrderCostList, OrderRefundProposal, OrderRefundQuery, ProposalLine, ProposalLineKind,
};
pub use incomes::{Income, IncomeKind, IncomePayer, IncomeQuery, IncomeStatus, PayerKind};
pub use leads::{Lead, LeadPatch, LeadQuery, LeadStatus, TakeQuery};
pub use ledger::{
    AccountKind, AccountQuery, LedgerAccount, Statement, StatementEntry, StatementQuery, TransferKind, TrialBalance,
    TrialBalanceRow,
};
pub use links::{DeepLink, LinkPurpose, NewLink};
pub use methods::{SavedMethod, SavedMethodList};
pub use money::{Currency, Money};
pub use orders::{
    Basket, BasketItem, Breakdown, DiscountCandidate, DiscountKind, DiscountOutcome, NewOrder, Order, OrderDetails,
    OrderLine, OrderPatch, OrderQuery, OrderStatus, PromoRefusal, Quote,
};
pub use payments::{
    CaptureMode, CaptureQuery, ConfiguredProvider, Decline, DeclineAdvice, FiscalNumbers, KeyField, KeySource,
    ManualPayment, NewPayment, NewRefund, Payment, PaymentConcern, PaymentDetails, PaymentEvent, PaymentQuery,
    PaymentSettings, PaymentStatus, Receipt, ReceiptMode, ReceiptQuery, ReceiptStatus, RecordedRefund, Refund,
    RefundOrigin, RefundProposal, RefundProposalQuery, RefundQuery, RefundStatus, RegisteredReceipt, Stacking,
    UsePayment, VersionedPaymentSettings,
};
pub use pipeline::{
    Board, BoardColumn, BoardQuery, BulkMoveRequest, BulkMoved, NewStage, Stage, StageKind, StageList, StagePatch,
};
pub use preview::{
    PreviewArea, PreviewEquipment, PreviewFormat, PreviewGoal, PreviewLevel, PreviewLifestyle, PreviewPage,
    PreviewPages, PreviewPlace, PreviewProfile, PreviewRequest, PreviewSex, PreviewWording,
};
pub use products::{
    ClientDiscount, Grant, NewClientDiscount, Package, PaymentMode, PaymentSubject, Product, ProductContent,
    TaxTreatment, Vat,
};
pub use programs::{Program, ProgramDetails, ProgramQuery, ProgramScope, ProgramStatus};
pub use promo_codes::{
    NewPromoBatch, NewPromoCode, PromoBatch, PromoCode, PromoDiscount, PromoEdit, PromoExportQuery, PromoQuery,
    PromoReport, PromoSum, PromoTerms,
};
pub use questionnaires::{
    Answered, Condition, DropOffQuery, DropOffReport, Form, FormChoice, FormQuestion, NumberUnit, QuestionDropOff,
    QuestionKind, Questionnaire, QuestionnaireDetails, QuestionnaireQuery, QuestionnaireStatus, RawAnswer,
    VersionedForm,
};
pub use reconciliations::{
    Difference, DifferenceKind, DifferenceOutcome, NewReconciliation, ReconciledDay, Reconciliation,
    ReconciliationList, ReconciliationQuery, ReconciliationStatus,
};
pub use settings::{
    Brand, BrandLogo, FaqItem, FaqList, ShownText, TextList, TextOverride, VersionedBrand, VersionedFaq,
};
pub use tasks::{Task, TaskQuery, TaskStatus};
pub use telegram_payments::{ShownTelegramPaymentSettings, TelegramBank, TelegramPaymentSettings};
pub use templates::{
    CoverageTotals, FoundOutcome, FoundTemplates, PendingTemplates, TakeChanges, TemplateCoverage, TemplateDifference,
    TemplateHealth, TemplateLinks, TemplateReportQuery, TemplateSettings, TemplateState, TemplateTrouble,
    TemplateTryOut, TemplateUpload, TemplateVersion, TemplateVersionDetails, TemplateVersionSource, TryOutQuery,
    VersionedTemplateSettings, WrongCell,
};
pub use timeline::{ClientMessage, MessageAuthor, MessageDirection, NewMessage, TimelineEntry, TimelineEvent};
pub use wording::{
    ReplacedText, ShownWordingSettings, TokenLimitField, WordingAttempt, WordingCostQuery, WordingCosts, WordingError,
    WordingMonth, WordingPart, WordingPrice, WordingProvider, WordingRecord, WordingSettings, WordingShares,
    WordingTrial, WordingTrialRequest,
};

/// A text in both languages; an empty one falls back to the other.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Localized {
    #[schema(example = "Консультация")]
    pub ru: String,
    #[serde(default)]
    #[schema(example = "Consultation")]
    pub en: String,
}

/// Tells an absent field (unchanged) from `null` (cleared).
fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_patch_tells_absent_from_null() {
        let patch: ClientPatch = serde_json::from_str(r#"{"phone": null, "name": "Анна"}"#).unwrap();
        assert_eq!(patch.phone, Some(None));
        assert_eq!(patch.name, Some(Some("Анна".to_owned())));
        assert_eq!(patch.email, None);
        assert!(serde_json::from_str::<ClientPatch>(r#"{"phnoe": "1"}"#).is_err());
    }
}
