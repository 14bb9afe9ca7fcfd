//! What messages said that were read before.
//!
//! In: the bytes of a message; out: what it says, read once. Odd: it forgets everything when it is full, because what
//! comes after a burst is never what came before it.

use std::collections::HashMap;

use super::form::Said;

/// More messages than are on their way at the same time.
const FULL: usize = 1024;

#[derive(Debug, Default)]
pub(super) struct Memory(HashMap<Box<[u8]>, Said>);

impl Memory {
    /// What these bytes say, by `read` if they are new.
    pub(super) fn recall(&mut self, bytes: &[u8], read: impl FnOnce() -> Said) -> Said {
        if let Some(said) = self.0.get(bytes) {
            return *said;
        }
        if self.0.len() == FULL {
            self.0.clear();
        }
        let said = read();
        self.0.insert(bytes.into(), said);
        said
    }
}
