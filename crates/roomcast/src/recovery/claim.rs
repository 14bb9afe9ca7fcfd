//! A client says that it was here before.
//!
//! In: the private id and the offset, as the client sends them with its wish to connect. Out: its session and what it has
//! missed, or nothing: then it begins anew. What is odd: an offset is not asked for. A client that has none has seen nothing,
//! so it gets everything since it first came.

use std::sync::Arc;

use proto::Sid;
use proto::engine::Revision;
use roomcast_adapter::recovery::{Position, Session};
use serde::Deserialize;

use super::seat::Missed;
use super::{Absence, Recorder};
use crate::Namespace;
use crate::session::Mailbox;
use crate::socket::Kept;

/// A session on its way back.
pub(crate) struct Restored {
    pub(super) pid: Sid,
    pub(super) session: Session<Kept>,
    pub(super) missed: Missed,
}

/// What the client sends beside the application's own keys.
#[derive(Deserialize)]
struct Asked {
    pid: String,
    offset: Option<String>,
}

/// The session that the client asks for, if it can go on.
///
/// JS: socket.io/lib/namespace.ts `_createSocket`
pub(crate) async fn claim(
    namespace: &Namespace,
    recorder: &Recorder,
    mailbox: &Arc<Mailbox>,
    auth: Option<&str>,
) -> Option<Restored> {
    if mailbox.dialect().revision() != Revision::V4 {
        return None;
    }
    // Anything else than texts is no wish to go on.
    let Asked { pid, offset } = serde_json::from_str(auth?).ok()?;
    let pid = Sid::parse(&pid)?;
    let offset = match offset {
        Some(offset) => Some(recorder.offsets().read(&offset)?),
        None => None,
    };
    let absence: &Absence = recorder.absence();
    let away = absence.take(pid, namespace, mailbox).await?;
    match missed(&away.session, offset, recorder, mailbox) {
        Some(missed) => Some(Restored { pid, session: away.session, missed }),
        None => {
            tracing::debug!(socket = away.session.id.as_str(), "what it has missed is not kept any more");
            absence.end(away);
            None
        }
    }
}

fn missed(
    session: &Session<Kept>,
    offset: Option<Position>,
    recorder: &Recorder,
    mailbox: &Mailbox,
) -> Option<Missed> {
    let from = session.resume(offset, &recorder.lock()).ok()?;
    let mut frames = Vec::new();
    let until = recorder.gather(from, &session.wants(), &mut frames).ok()?;
    // They go into the outbox at once. If that left no room for what comes next, it would only be closed again.
    let bytes = frames.iter().map(|(_, frame)| frame.cost()).sum();
    mailbox.outbox_limits().half_hold(bytes, frames.len()).then_some(Missed { frames, until })
}
