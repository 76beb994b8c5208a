//! The sales pipeline: stages a tenant may rename, kinds that automations hang on.

use crate::profile::coded_enum;

coded_enum! {
    StageKind {
        FirstContact => "first_contact",
        Consultation => "consultation",
        Deciding => "deciding",
        Purchased => "purchased",
        Active => "active",
        Completed => "completed",
        Inactive => "inactive",
    }
}
coded_enum! { LeadStatus { New => "new", InProgress => "in_progress", Qualified => "qualified", Lost => "lost" } }

impl StageKind {
    /// Title in Russian and English for a fresh install.
    pub const fn default_titles(self) -> (&'static str, &'static str) {
        match self {
            Self::FirstContact => ("Первичный контакт", "First contact"),
            Self::Consultation => ("Консультация", "Consultation"),
            Self::Deciding => ("Принимают решение", "Deciding"),
            Self::Purchased => ("Куплена услуга", "Purchased"),
            Self::Active => ("Активный клиент", "Active client"),
            Self::Completed => ("Завершен", "Completed"),
            Self::Inactive => ("Неактивен", "Inactive"),
        }
    }

    const fn rank(self) -> u8 {
        match self {
            Self::FirstContact => 0,
            Self::Consultation => 1,
            Self::Deciding => 2,
            Self::Purchased => 3,
            Self::Active => 4,
            Self::Completed => 5,
            Self::Inactive => 6,
        }
    }
}

/// Why an automation wants to move a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trigger {
    Contacted,
    QuestionnaireFinished,
    PaymentInitiated,
    PaymentCompleted,
    ProgramDelivered,
    TimeOver,
}

impl Trigger {
    pub const ALL: [Self; 6] = [
        Self::Contacted,
        Self::QuestionnaireFinished,
        Self::PaymentInitiated,
        Self::PaymentCompleted,
        Self::ProgramDelivered,
        Self::TimeOver,
    ];

    const fn target(self) -> StageKind {
        match self {
            Self::Contacted => StageKind::FirstContact,
            Self::QuestionnaireFinished => StageKind::Consultation,
            Self::PaymentInitiated => StageKind::Deciding,
            Self::PaymentCompleted => StageKind::Purchased,
            Self::ProgramDelivered => StageKind::Active,
            Self::TimeOver => StageKind::Completed,
        }
    }
}

/// Where an automation moves a client, if anywhere. It never moves backwards, except that a returning client
/// (completed or inactive) re-enters at deciding, and a payment that completes always counts as a purchase.
pub fn automatic_move(from: StageKind, trigger: Trigger) -> Option<StageKind> {
    let to = trigger.target();
    let is_return = matches!(from, StageKind::Completed | StageKind::Inactive)
        && matches!(
            trigger,
            Trigger::PaymentInitiated | Trigger::PaymentCompleted | Trigger::ProgramDelivered
        );
    (to != from && (to.rank() > from.rank() || is_return)).then_some(to)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_automation_moves_forward_or_lets_a_returning_client_back_in() {
        for from in StageKind::ALL.iter().copied() {
            for trigger in Trigger::ALL {
                let expected = match (from, trigger) {
                    (StageKind::Completed, Trigger::TimeOver) | (StageKind::Inactive, Trigger::TimeOver) => None,
                    (StageKind::Completed | StageKind::Inactive, Trigger::PaymentInitiated) => {
                        Some(StageKind::Deciding)
                    }
                    (StageKind::Completed | StageKind::Inactive, Trigger::PaymentCompleted) => {
                        Some(StageKind::Purchased)
                    }
                    (StageKind::Completed | StageKind::Inactive, Trigger::ProgramDelivered) => Some(StageKind::Active),
                    (from, trigger) => (trigger.target().rank() > from.rank()).then(|| trigger.target()),
                };
                assert_eq!(automatic_move(from, trigger), expected, "{from} on {trigger:?}");
            }
        }
    }
}
