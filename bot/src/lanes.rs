//! Work in order per chat, in parallel over chats.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
};

/// A queue per key. Whoever pushes into a quiet lane drains it until [`Lanes::next`] says that it is quiet again, so
/// there is exactly one drainer per key and nothing is kept for keys without work.
#[derive(Debug)]
pub struct Lanes<T> {
    queues: Mutex<HashMap<String, VecDeque<T>>>,
}

impl<T> Default for Lanes<T> {
    fn default() -> Self {
        Self {
            queues: Mutex::new(HashMap::new()),
        }
    }
}

impl<T> Lanes<T> {
    /// True if the lane was quiet: the caller must now drain it.
    #[must_use]
    pub fn push(&self, key: &str, item: T) -> bool {
        let mut queues = self.lock();
        if let Some(queue) = queues.get_mut(key) {
            queue.push_back(item);
            return false;
        }
        queues.insert(key.to_owned(), VecDeque::from([item]));
        true
    }

    /// The next piece of work, or `None`: the lane is quiet and its drainer is done.
    pub fn next(&self, key: &str) -> Option<T> {
        let mut queues = self.lock();
        let item = queues.get_mut(key).and_then(VecDeque::pop_front);
        if item.is_none() {
            queues.remove(key);
        }
        item
    }

    /// Everything that waits in this lane now; the lane itself goes on.
    pub fn take_waiting(&self, key: &str) -> Vec<T> {
        self.lock().get_mut(key).map(std::mem::take).unwrap_or_default().into()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, VecDeque<T>>> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_drainer_per_key_until_quiet() {
        let lanes = Lanes::default();
        assert!(lanes.push("a", 1));
        assert!(!lanes.push("a", 2));
        assert!(lanes.push("b", 3));
        assert_eq!(lanes.next("a"), Some(1));
        assert_eq!(lanes.next("a"), Some(2));
        assert!(!lanes.push("a", 4), "the drainer is still at work on what it took");
        assert_eq!(lanes.take_waiting("a"), [4]);
        assert_eq!(lanes.next("a"), None);
        assert!(lanes.push("a", 5), "a quiet lane needs a new drainer");
    }
}
