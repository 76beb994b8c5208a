//! "typing…" and "sending a document…" while something is being prepared.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use api_types::conversation::Activity;
use teloxide::{
    payloads::SendChatAction,
    types::{ChatAction, ChatId},
};
use tokio::task::AbortHandle;

use crate::telegram::Telegram;

/// Telegram shows an action for five seconds.
const REPEAT: Duration = Duration::from_secs(4);
/// Whatever takes longer than this has failed, and a message will say so.
const MOST: Duration = Duration::from_secs(60);

/// One action a chat at most; the next delivery there ends it.
#[derive(Debug, Clone)]
pub struct Activities {
    telegram: Telegram,
    running: Arc<Mutex<HashMap<i64, AbortHandle>>>,
}

impl Activities {
    pub fn new(telegram: Telegram) -> Self {
        Self {
            telegram,
            running: Arc::default(),
        }
    }

    pub fn start(&self, chat: i64, activity: Activity) {
        let action = match activity {
            Activity::Typing => ChatAction::Typing,
            Activity::UploadDocument => ChatAction::UploadDocument,
        };
        let telegram = self.telegram.clone();
        let running = Arc::clone(&self.running);
        // The lock is held until the handle is stored, so the task can't remove itself before it is known.
        let mut known = self.lock();
        let task = tokio::spawn(async move {
            let payload = SendChatAction::new(ChatId(chat), action);
            for _ in 0..(MOST.as_secs() / REPEAT.as_secs()) {
                // Decoration: if Telegram doesn't take it, nothing is lost.
                if telegram.call::<_, bool>(&payload).await.is_err() {
                    break;
                }
                tokio::time::sleep(REPEAT).await;
            }
            let mut running = running.lock().unwrap_or_else(PoisonError::into_inner);
            // A successor may have taken the place meanwhile.
            if running
                .get(&chat)
                .is_some_and(|known| Some(known.id()) == tokio::task::try_id())
            {
                running.remove(&chat);
            }
        });
        if let Some(previous) = known.insert(chat, task.abort_handle()) {
            previous.abort();
        }
    }

    pub fn stop(&self, chat: i64) {
        if let Some(task) = self.lock().remove(&chat) {
            task.abort();
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<i64, AbortHandle>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
