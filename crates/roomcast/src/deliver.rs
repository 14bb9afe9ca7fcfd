//! Encode once: a packet becomes one [`Frame`], which goes to any number of outboxes.

use std::cell::Cell;

use bytes::Bytes;
use proto::engine::Frame;
use proto::socket::{AckOutcome, EncodeError, Head, encode_ack, encode_connect, encode_connect_error};
use proto::socket::{encode_bare_connect_error, encode_disconnect};
use proto::socket::{encode_event, encode_event_array, encode_event_of_array};
use roomcast_adapter::RawJson;
use serde::Serialize;

/// A scratch buffer that grew beyond this is not kept.
const KEPT_SCRATCH: usize = 256 * 1024;

thread_local! {
    /// Where packets are written before they get an allocation of their exact size.
    static SCRATCH: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

fn encode<E>(write: impl FnOnce(&mut Vec<u8>) -> Result<Vec<Bytes>, E>) -> Result<Frame, E> {
    let mut scratch = SCRATCH.take();
    let frame = Frame::encode(&mut scratch, write);
    if scratch.capacity() <= KEPT_SCRATCH {
        SCRATCH.set(scratch);
    }
    frame
}

pub(crate) fn event<T: Serialize + ?Sized>(
    head: Head<'_>,
    name: &str,
    args: &T,
) -> Result<Frame, EncodeError> {
    encode(|out| encode_event(out, head, name, args))
}

/// An event as the nodes of a cluster hand it to each other.
pub(crate) fn event_array<T: Serialize + ?Sized>(name: &str, args: &T) -> Result<RawJson, EncodeError> {
    let mut text = Vec::new();
    let attachments = encode_event_array(&mut text, name, args)?;
    let text = String::from_utf8(text).expect("JSON is UTF-8");
    Ok(RawJson::new(text).with_attachments(attachments))
}

/// The same event for the sockets of a namespace.
pub(crate) fn event_of_array(head: Head<'_>, event: &RawJson) -> Frame {
    let frame = encode(|out| {
        encode_event_of_array(out, head, event.text(), event.attachments().len());
        Ok::<_, std::convert::Infallible>(event.attachments().to_vec())
    });
    frame.unwrap_or_else(|never| match never {})
}

/// An acknowledgement, or what the value's `Err` says.
pub(crate) fn ack<T: Serialize + ?Sized>(
    head: Head<'_>,
    value: &T,
) -> Result<Result<Frame, serde_json::Value>, EncodeError> {
    let mut failed = None;
    let frame = encode(|out| match encode_ack(out, head, value)? {
        AckOutcome::Encoded(attachments) => Ok(attachments),
        AckOutcome::Failed(error) => {
            failed = Some(error);
            Ok::<_, EncodeError>(Vec::new())
        }
    })?;
    Ok(failed.map_or(Ok(frame), Err))
}

/// The answer to a connect. Revision 3 has no payload.
pub(crate) fn connect<T: Serialize + ?Sized>(
    namespace: &str,
    payload: Option<&T>,
) -> Result<Frame, EncodeError> {
    encode(|out| encode_connect(out, namespace, payload).map(|()| Vec::new()))
}

/// The refusal of a connect in revision 3.
pub(crate) fn bare_connect_error<T: Serialize + ?Sized>(
    namespace: &str,
    payload: &T,
) -> Result<Frame, EncodeError> {
    encode(|out| encode_bare_connect_error(out, namespace, payload).map(|()| Vec::new()))
}

pub(crate) fn connect_error<T: Serialize + ?Sized>(
    namespace: &str,
    payload: &T,
) -> Result<Frame, EncodeError> {
    encode(|out| encode_connect_error(out, namespace, payload).map(|()| Vec::new()))
}

pub(crate) fn disconnect(namespace: &str) -> Frame {
    let frame = encode(|out| {
        encode_disconnect(out, namespace);
        Ok::<_, std::convert::Infallible>(Vec::new())
    });
    frame.unwrap_or_else(|never| match never {})
}
