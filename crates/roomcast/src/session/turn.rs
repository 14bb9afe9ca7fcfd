//! The running turn of a driver, and the sessions it pushed frames to.
//!
//! In: a session per push. Out: one write per session, at the end of the turn, however many frames the turn pushed; the
//! driver of a session that sleeps is not woken for it. What is odd: in a runtime of several threads a turn writes to a
//! few only and leaves the rest to their drivers, which other threads take over.

use std::cell::RefCell;
use std::sync::Arc;

use tokio::runtime::Handle;

use super::gather::forget_copy;
use super::mailbox::Mailbox;
use super::wire::forget_forms;

/// How many sessions a turn writes to itself where other threads could help.
const SHARE: usize = 64;
/// Room for so many sessions is kept from turn to turn.
const KEPT: usize = 4096;

thread_local! {
    static TURN: RefCell<Turn> = const { RefCell::new(Turn { running: false, promised: Vec::new() }) };
}

struct Turn {
    running: bool,
    promised: Vec<Arc<Mailbox>>,
}

/// A turn that is running on this thread; dropping it ends it.
pub(super) struct Running(());

/// Begins a turn.
pub(super) fn begin() -> Running {
    TURN.with_borrow_mut(|turn| turn.running = true);
    Running(())
}

/// Whether a turn is running on this thread.
pub(super) fn is_running() -> bool {
    // Not while the thread ends.
    TURN.try_with(|turn| turn.borrow().running).unwrap_or(false)
}

/// The running turn shall write to this session when it ends.
pub(super) fn promise(mailbox: &Arc<Mailbox>) {
    TURN.with_borrow_mut(|turn| turn.promised.push(mailbox.clone()));
}

/// Promises are kept even if the turn panics.
impl Drop for Running {
    fn drop(&mut self) {
        let promised = TURN.with_borrow_mut(|turn| {
            turn.running = false;
            if turn.promised.is_empty() { None } else { Some(std::mem::take(&mut turn.promised)) }
        });
        if let Some(promised) = promised {
            keep(promised);
        }
        forget_forms();
    }
}

fn keep(mut promised: Vec<Arc<Mailbox>>) {
    if promised.len() > SHARE && has_company() {
        // Woken first, so that other threads begin at once.
        promised.drain(SHARE..).for_each(|mailbox| mailbox.pass_promise());
    }
    promised.drain(..).for_each(|mailbox| mailbox.keep_promise());
    forget_copy();
    if promised.capacity() <= KEPT {
        TURN.with_borrow_mut(|turn| {
            promised.append(&mut turn.promised);
            turn.promised = promised;
        });
    }
}

fn has_company() -> bool {
    Handle::try_current().is_ok_and(|handle| handle.metrics().num_workers() > 1)
}
