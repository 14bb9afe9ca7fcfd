//! An event of another node finds its listeners.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};

use futures_util::FutureExt;
use proto::socket::read_event_array;
use roomcast_adapter::RawJson;
use roomcast_adapter::adapter::Answer;

use super::answer::ServerAckSlot;
use super::{AnyServerHandler, ServerEventContext};
use crate::Namespace;
use crate::error::{Cause, Failure, HandlerError};
use crate::extract::EventReader;
use crate::handler::{HandlerFuture, drop_value, panic_message};

/// The most calls of one namespace that may be suspended at the same time; events beyond it are refused.
const MAX_CALLS: usize = 1024;

/// How many calls of a namespace are suspended.
#[derive(Debug, Default)]
pub(crate) struct Calls(AtomicUsize);

/// Calls the listeners of an event.
pub(crate) fn receive(namespace: &Namespace, event: &RawJson, answer: Option<Answer>) {
    let event = match read_event_array(event.text(), event.attachments()) {
        Ok(event) => event,
        Err(error) => {
            tracing::warn!(namespace = namespace.name(), %error, "an event of another node cannot be read");
            return;
        }
    };
    let slot = answer.map(ServerAckSlot::new);
    let definition = namespace.definition();
    for listener in definition.server_events(event.name()) {
        let mut context = ServerEventContext {
            namespace,
            event: EventReader::new(event.name(), event.args()),
            slot: slot.as_ref(),
        };
        let call = Call { namespace: namespace.clone(), event: event.name().into(), slot: slot.clone() };
        begin(&**listener, &mut context, call);
    }
}

/// Whose call it is.
struct Call {
    namespace: Namespace,
    event: Arc<str>,
    slot: Option<Arc<ServerAckSlot>>,
}

impl Call {
    fn report(&self, cause: Cause) {
        if let Some(slot) = &self.slot {
            slot.fail_by(&cause);
        }
        let (namespace, event) = (self.namespace.name().to_owned(), (*self.event).to_owned());
        self.namespace.hooks().report(&Failure { namespace, socket: None, event, cause });
    }
}

fn begin(listener: &AnyServerHandler, context: &mut ServerEventContext<'_>, call: Call) {
    let mut future = match catch_unwind(AssertUnwindSafe(|| listener(context))) {
        Ok(Ok(future)) => future,
        Ok(Err(trouble)) => return call.report(*trouble.0),
        Err(panic) => return call.report(Cause::Panicked(panic_message(&*panic))),
    };
    let step = AssertUnwindSafe(|| future.as_mut().poll(&mut Context::from_waker(Waker::noop())));
    match catch_unwind(step) {
        Ok(Poll::Ready(Ok(()))) => {}
        Ok(Poll::Ready(Err(trouble))) => call.report(*trouble.0),
        Ok(Poll::Pending) => go_on(future, call),
        Err(panic) => call.report(Cause::Panicked(panic_message(&*panic))),
    }
}

/// A call that has suspended goes on in a task of its own.
fn go_on(future: HandlerFuture, call: Call) {
    let calls = &call.namespace.inner().server_calls.0;
    if calls.fetch_add(1, Ordering::Relaxed) >= MAX_CALLS {
        calls.fetch_sub(1, Ordering::Relaxed);
        // What it holds is the program's.
        drop_value(future);
        return call.report(Cause::Refused(HandlerError::new("too many server-side events at once")));
    }
    // Adapters call from inside of a runtime.
    tokio::spawn(async move {
        match AssertUnwindSafe(future).catch_unwind().await {
            Ok(Ok(())) => {}
            Ok(Err(trouble)) => call.report(*trouble.0),
            Err(panic) => call.report(Cause::Panicked(panic_message(&*panic))),
        }
        call.namespace.inner().server_calls.0.fetch_sub(1, Ordering::Relaxed);
    });
}
