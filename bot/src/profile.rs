//! The command menus, as the CRM wants them. Decoration: whatever fails here is tried again, and nothing waits for it.

use std::time::Duration;

use api_types::conversation::{CommandList, Language};
use teloxide::{
    payloads::{GetMe, SetChatMenuButton, SetMyCommands, setters::*},
    types::{BotCommand, BotCommandScope, ChatId, Me, MenuButton, Recipient},
};
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use crate::{
    backoff::Backoff,
    crm::Crm,
    telegram::{Telegram, TelegramError},
};

const REFRESH: Duration = Duration::from_secs(600);
/// Telegram's limits for commands.
const MAX_COMMANDS: usize = 100;
const MAX_DESCRIPTION: usize = 256;

pub async fn keep_fresh(telegram: &Telegram, crm: &Crm, stop: &CancellationToken) {
    let mut shown = Vec::new();
    let mut has_menu_button = false;
    let mut is_identified = false;
    let mut backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(60));
    loop {
        let is_done = match crm.profile().await {
            Ok(profile) => {
                let mut is_done = true;
                for list in profile.command_lists {
                    is_done &= show(telegram, list, &mut shown).await;
                }
                if !is_identified {
                    is_identified = identify(telegram, crm).await;
                }
                if !has_menu_button {
                    let payload = SetChatMenuButton::new().menu_button(MenuButton::Commands);
                    has_menu_button = telegram.call::<_, bool>(&payload).await.is_ok();
                }
                is_done && has_menu_button
            }
            Err(error) => {
                debug!(%error, "no profile yet");
                false
            }
        };
        let wait = if is_done {
            backoff.reset();
            REFRESH
        } else {
            backoff.next_wait()
        };
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = stop.cancelled() => return,
        }
    }
}

/// Tells the CRM our name, which links to us are made from. True if it took it.
async fn identify(telegram: &Telegram, crm: &Crm) -> bool {
    let Ok(me) = telegram.call::<_, Me>(&GetMe::new()).await else {
        return false;
    };
    let Some(username) = &me.user.username else {
        return false;
    };
    match crm.identify(username).await {
        Ok(()) => true,
        Err(error) => {
            debug!(%error, "the CRM does not take our name yet");
            false
        }
    }
}

/// True if Telegram shows this list or never will.
async fn show(telegram: &Telegram, list: CommandList, shown: &mut Vec<CommandList>) -> bool {
    if shown.contains(&list) {
        return true;
    }
    let scope = match &list.address {
        None => BotCommandScope::AllPrivateChats,
        Some(address) => match address.parse() {
            Ok(chat) => BotCommandScope::Chat {
                chat_id: Recipient::Id(ChatId(chat)),
            },
            Err(_) => {
                warn!("a command list is for an address that is not a chat id");
                return true;
            }
        },
    };
    let commands = list.commands.iter().take(MAX_COMMANDS).map(|command| {
        let description: String = command.description.chars().take(MAX_DESCRIPTION).collect();
        BotCommand::new(&command.name, description)
    });
    let mut payload = SetMyCommands::new(commands).scope(scope);
    if let Some(language) = list.language {
        payload = payload.language_code(match language {
            Language::Ru => "ru",
            Language::En => "en",
        });
    }
    match telegram.call::<_, bool>(&payload).await {
        Ok(_) => {
            shown.retain(|old| (old.language, &old.address) != (list.language, &list.address));
            shown.push(list);
            true
        }
        // The trainer hasn't pressed Start yet; the next refresh tries again.
        Err(TelegramError::Refused {
            code: 400 | 403,
            description,
        }) => {
            warn!(description, "Telegram refuses a command list");
            true
        }
        Err(error) => {
            warn!(%error, "a command list isn't shown yet");
            false
        }
    }
}
