//! Between the conversation of `api-types` and the one of `domain`: the same words, so that neither depends on the other.

use api_types::conversation as wire;
use app::converse::{Answer, Body, CommandList, Inbound, Person};
use app::deliver::{Fate, Outgoing};
use app::pay::telegram::{Direction, PaidBill, StarTransaction};
use domain::content;
use domain::language::Language;
use domain::time::Timestamp;

pub(crate) fn event(event: wire::Event) -> Inbound {
    let wire::Channel::Telegram = event.channel;
    Inbound {
        key: event.key,
        address: event.address,
        person: Person {
            first_name: event.person.first_name,
            last_name: event.person.last_name,
            username: event.person.username,
            language_code: event.person.language_code,
        },
        replica: event.replica,
        body: body(event.body),
    }
}

fn body(body: wire::EventBody) -> Body {
    match body {
        wire::EventBody::Start { payload } => Body::Start { payload },
        wire::EventBody::Command { name } => Body::Command { name },
        wire::EventBody::Text {
            text,
            message_ref,
            reply_to,
        } => Body::Text {
            text,
            message_ref,
            reply_to,
        },
        wire::EventBody::EditedText { text, message_ref } => Body::Edited { text, message_ref },
        wire::EventBody::Action { action, message_ref } => Body::Action { action, message_ref },
        wire::EventBody::Attachment {
            kind,
            caption,
            message_ref,
            reply_to,
        } => Body::Attachment {
            kind: attachment(kind),
            caption,
            message_ref,
            reply_to,
        },
        wire::EventBody::Blocked => Body::Blocked,
        wire::EventBody::Unblocked => Body::Unblocked,
        wire::EventBody::Paid {
            currency,
            amount_minor,
            payload,
            charge,
            provider_charge,
        } => Body::Paid(PaidBill {
            currency,
            amount_minor,
            payload,
            charge,
            provider_charge,
        }),
        wire::EventBody::GivenBack { charge } => Body::GivenBack { charge },
    }
}

/// The same names as on the wire.
const fn attachment(kind: wire::AttachmentKind) -> &'static str {
    match kind {
        wire::AttachmentKind::Photo => "photo",
        wire::AttachmentKind::Video => "video",
        wire::AttachmentKind::VideoNote => "video_note",
        wire::AttachmentKind::Voice => "voice",
        wire::AttachmentKind::Sticker => "sticker",
        wire::AttachmentKind::Document => "document",
        wire::AttachmentKind::Contact => "contact",
        wire::AttachmentKind::Location => "location",
        wire::AttachmentKind::Other => "other",
    }
}

pub(crate) fn reply(answer: Answer) -> wire::EventReply {
    wire::EventReply {
        duplicate: answer.duplicate,
        toast: answer.toast,
        deliveries: answer.deliveries.into_iter().map(delivery).collect(),
    }
}

pub(crate) fn profile(lists: Vec<CommandList>) -> wire::BotProfile {
    let list = |list: CommandList| wire::CommandList {
        language: list.language.map(language),
        address: list.address,
        commands: list
            .commands
            .into_iter()
            .map(|(name, description)| wire::Command {
                name: name.to_owned(),
                description,
            })
            .collect(),
    };
    wire::BotProfile {
        command_lists: lists.into_iter().map(list).collect(),
    }
}

pub(crate) fn delivery(outgoing: Outgoing) -> wire::Delivery {
    wire::Delivery {
        id: outgoing.id.to_string(),
        channel: wire::Channel::Telegram,
        address: outgoing.address,
        content: show_content(
            outgoing.content,
            outgoing.external_file_id,
            outgoing.album_file_ids,
            outgoing.provider_token,
        ),
        edit: outgoing.edit,
        retire: outgoing.retire,
        attempt: outgoing.attempt,
        lease_until: outgoing.lease_until.to_utc(),
    }
}

fn show_content(
    content: content::Content,
    external_file_id: Option<String>,
    album_file_ids: Vec<Option<String>>,
    provider_token: Option<String>,
) -> wire::Content {
    let mut known = album_file_ids.into_iter();
    wire::Content {
        text: content.text.into_iter().map(span).collect(),
        buttons: content
            .buttons
            .into_iter()
            .map(|row| row.into_iter().map(button).collect())
            .collect(),
        progress: content.progress.map(|progress| wire::Progress {
            current: progress.current,
            total: progress.total,
            language: language(progress.language),
        }),
        file: content.file.map(|one| file(one, external_file_id)),
        album: content
            .album
            .into_iter()
            .map(|one| file(one, known.next().flatten()))
            .collect(),
        copy: content.copy.map(|copy| wire::MessageCopy {
            address: copy.address,
            message_ref: copy.message_ref,
            has_caption: copy.has_caption,
            text_suffices: copy.text_suffices,
        }),
        keyboard: content.keyboard,
        activity: content.activity.map(|activity| match activity {
            content::Activity::Typing => wire::Activity::Typing,
            content::Activity::UploadDocument => wire::Activity::UploadDocument,
        }),
        invoice: content.invoice.map(|invoice| wire::Invoice {
            title: invoice.title,
            description: invoice.description,
            payload: invoice.payload,
            currency: invoice.amount.currency.code().to_owned(),
            amount_minor: invoice.amount.minor,
            button: invoice.button,
            provider_token,
            provider_data: invoice.provider_data,
            needs_email: invoice.needs_email,
        }),
        give_back: content.give_back.map(|back| wire::GiveBack {
            payer: back.payer,
            charge: back.charge,
        }),
        list_stars: content.list_stars.map(|list| wire::ListStars {
            offset: list.offset,
            limit: list.limit,
        }),
    }
}

fn file(file: content::FileRef, external_file_id: Option<String>) -> wire::FileRef {
    wire::FileRef {
        id: file.id,
        file_name: file.file_name,
        mime_type: file.mime_type,
        size: file.size,
        external_file_id,
    }
}

fn span(span: content::Span) -> wire::Span {
    let style = match span.style {
        content::Style::Plain => wire::Style::Plain,
        content::Style::Bold => wire::Style::Bold,
        content::Style::Italic => wire::Style::Italic,
        content::Style::Code => wire::Style::Code,
        content::Style::Link { url } => wire::Style::Link { url },
    };
    wire::Span { text: span.text, style }
}

fn button(button: content::Button) -> wire::Button {
    let press = match button.press {
        content::Press::Action { action } => wire::Press::Action { action },
        content::Press::Url { url } => wire::Press::Url { url },
    };
    wire::Button {
        label: button.label,
        press,
    }
}

const fn language(language: Language) -> wire::Language {
    match language {
        Language::Ru => wire::Language::Ru,
        Language::En => wire::Language::En,
    }
}

fn star_transaction(line: wire::StarTransaction) -> StarTransaction {
    StarTransaction {
        charge: line.charge,
        direction: match line.direction {
            wire::StarDirection::In => Direction::In,
            wire::StarDirection::Out => Direction::Out,
        },
        amount: line.amount,
        at: Timestamp::from_utc(line.at),
        payer: line.payer,
        payload: line.payload,
    }
}

pub(crate) fn fate(outcome: wire::Outcome) -> Fate {
    match outcome {
        wire::Outcome::Sent {
            message_ref,
            external_file_id,
            album_file_ids,
        } => Fate::Sent {
            message_ref,
            external_file_id,
            album_file_ids,
        },
        wire::Outcome::StarsListed { transactions } => Fate::StarsListed {
            transactions: transactions.into_iter().map(star_transaction).collect(),
        },
        wire::Outcome::Unreachable { reason } => Fate::Unreachable { reason },
        wire::Outcome::Rejected { reason } => Fate::Rejected { reason },
        wire::Outcome::RetryLater { after_ms, reason } => Fate::RetryLater { after_ms, reason },
    }
}
