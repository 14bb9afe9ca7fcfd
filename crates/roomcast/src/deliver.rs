//! Encode once: a packet becomes one [`Frame`], which goes to any number of outboxes.
//!
//! Every packet that a server sends is written here. In come a namespace, an ack id, and values; out goes a frame in the
//! form of the server's parser. The default parser writes straight from the values. For another one they are written as
//! the default parser does, into a buffer, read back as a [`Packet`], and written again: so all parsers agree on what
//! becomes an argument and what a value looks like.

use std::cell::Cell;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use bytes::Bytes;
use proto::engine::Frame;
use proto::socket::encode_bare_connect_error;
use proto::socket::parser::{Encoded, Parser, ParserError};
use proto::socket::{AckOutcome, EncodeError, Head, Limits, Packet, read_back, read_event_array};
use proto::socket::{Body, encode_ack, encode_connect, encode_connect_error, encode_disconnect};
use proto::socket::{encode_event, encode_event_of_array};
use roomcast_adapter::RawJson;
use serde::Serialize;

use crate::handler::panic_message;

/// A scratch buffer that grew beyond this is not kept.
const KEPT_SCRATCH: usize = 256 * 1024;

thread_local! {
    /// Where packets are written before they get an allocation of their exact size.
    static SCRATCH: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// Writes the packets of one server.
#[derive(Clone, Default)]
pub(crate) struct Encoder {
    /// `None`: the default one.
    parser: Option<Arc<dyn Parser>>,
}

impl Encoder {
    pub(crate) fn new(parser: Arc<dyn Parser>) -> Self {
        Self { parser: Some(parser) }
    }

    /// The parser, if it is not the default one.
    pub(crate) fn parser(&self) -> Option<&dyn Parser> {
        self.parser.as_deref()
    }

    /// An event.
    #[inline]
    pub(crate) fn event<T: Serialize + ?Sized>(
        &self,
        head: Head<'_>,
        name: &str,
        args: &T,
    ) -> Result<Frame, EncodeError> {
        self.encode(head.namespace, |out, namespace| {
            encode_event(out, Head { namespace, ..head }, name, args)
        })
    }

    /// An event that [`RawJson::event`] has made, here or on another node.
    pub(crate) fn event_of_array(&self, head: Head<'_>, event: &RawJson) -> Result<Frame, EncodeError> {
        let attachments = event.attachments();
        let Some(parser) = self.parser() else {
            return in_scratch(|out| {
                Frame::encode(out, |out| {
                    encode_event_of_array(out, head, event.text(), attachments.len());
                    Ok(attachments.to_vec())
                })
            });
        };
        let event = read_event_array(event.text(), attachments).map_err(ParserError::new)?;
        let body = Body::Event { id: head.id, event };
        written_by(parser, &Packet { namespace: head.namespace.into(), body })
    }

    /// The same event, which asks for no answer, with a text behind its arguments.
    ///
    /// # Errors
    /// As for the event itself.
    pub(crate) fn extended(&self, namespace: &str, frame: &Frame, last: &str) -> Result<Frame, EncodeError> {
        let extended = match self.parser() {
            None => in_scratch(|out| {
                Frame::encode(out, |out| {
                    let text = frame.text_packet();
                    // From behind the type digit to in front of the bracket.
                    out.extend_from_slice(text.get(1..text.len() - 1).unwrap_or_default());
                    append(out, last)?;
                    Ok::<_, EncodeError>(frame.attachments().iter().map(|a| a.data().clone()).collect())
                })
            }),
            Some(_) => {
                let mut raw = Err(EncodeError::Parser(ParserError::new("it is no event")));
                self.look_into(frame, |packet| raw = array_with(packet, last));
                self.event_of_array(Head { namespace, id: None }, &raw?)
            }
        };
        extended.map(|extended| extended.compress(frame.may_compress()))
    }

    /// Whether clients see a text as the last thing of an event: its last argument, or its name if it has none.
    pub(crate) fn ends_with_text(&self, frame: &Frame) -> bool {
        if self.parser.is_none() {
            return frame.text_packet().ends_with(b"\"]");
        }
        let mut text = false;
        self.look_into(frame, |packet| {
            if let Body::Event { event, .. } = &packet.body {
                text = event.args().iter().last().is_none_or(|last| last.starts_with('"'));
            }
        });
        text
    }

    /// An acknowledgement, or what the value's `Err` says.
    pub(crate) fn ack<T: Serialize + ?Sized>(
        &self,
        head: Head<'_>,
        value: &T,
    ) -> Result<Result<Frame, serde_json::Value>, EncodeError> {
        let mut failed = None;
        let frame = self.encode(head.namespace, |out, namespace| {
            match encode_ack(out, Head { namespace, ..head }, value)? {
                AckOutcome::Encoded(attachments) => Ok(attachments),
                AckOutcome::Failed(error) => {
                    failed = Some(error);
                    Ok(Vec::new())
                }
            }
        });
        match failed {
            Some(error) => Ok(Err(error)),
            None => frame.map(Ok),
        }
    }

    /// The answer to a connect. Revision 3 has no payload.
    pub(crate) fn connect<T: Serialize + ?Sized>(
        &self,
        namespace: &str,
        payload: Option<&T>,
    ) -> Result<Frame, EncodeError> {
        self.encode(namespace, |out, namespace| encode_connect(out, namespace, payload).map(|()| Vec::new()))
    }

    /// The refusal of a connect in revision 3.
    pub(crate) fn bare_connect_error<T: Serialize + ?Sized>(
        &self,
        namespace: &str,
        payload: &T,
    ) -> Result<Frame, EncodeError> {
        self.encode(namespace, |out, namespace| {
            encode_bare_connect_error(out, namespace, payload).map(|()| Vec::new())
        })
    }

    pub(crate) fn connect_error<T: Serialize + ?Sized>(
        &self,
        namespace: &str,
        payload: &T,
    ) -> Result<Frame, EncodeError> {
        self.encode(namespace, |out, namespace| {
            encode_connect_error(out, namespace, payload).map(|()| Vec::new())
        })
    }

    pub(crate) fn disconnect(&self, namespace: &str) -> Result<Frame, EncodeError> {
        self.encode(namespace, |out, namespace| {
            encode_disconnect(out, namespace);
            Ok(Vec::new())
        })
    }

    /// Calls `look` with the packet that a frame was made of.
    pub(crate) fn look_into(&self, frame: &Frame, look: impl FnOnce(&Packet<'_>)) {
        let text = frame.text_packet();
        let Ok(text) = text.get(1..).map_or(Ok(""), std::str::from_utf8) else { return };
        let attachments = frame.attachments().iter().map(|attachment| attachment.data().clone());
        let Some(parser) = self.parser() else {
            if let Ok(packet) = read_back(text, attachments) {
                look(&packet);
            }
            return;
        };
        let read = AssertUnwindSafe(|| {
            let mut decoder = parser.decoder(unbounded());
            let mut packet = match text {
                "" => None,
                text => decoder.text(text).ok().flatten(),
            };
            for attachment in attachments {
                packet = decoder.binary(attachment).ok().flatten();
            }
            packet
        });
        match catch_unwind(read) {
            Ok(Some(packet)) => look(&packet),
            Ok(None) => {}
            Err(panic) => {
                let panic = panic_message(&*panic);
                tracing::error!(panic, "the parser panicked at what it has written itself");
            }
        }
    }

    #[inline]
    fn encode(
        &self,
        namespace: &str,
        write: impl FnOnce(&mut Vec<u8>, &str) -> Result<Vec<Bytes>, EncodeError>,
    ) -> Result<Frame, EncodeError> {
        let parser = self.parser();
        // Other parsers may know namespaces that the default one's text cannot hold.
        let written_namespace = if parser.is_some() { "/" } else { namespace };
        let mut translated = None;
        // One call, so that what it writes is written here, without another.
        let frame = in_scratch(|out| {
            Frame::encode(out, |out| {
                let start = out.len();
                let attachments = write(out, written_namespace)?;
                let Some(parser) = parser else { return Ok(attachments) };
                translated = Some(written_again(parser, namespace, &out[start..], attachments));
                out.truncate(start);
                Ok(Vec::new())
            })
        });
        translated.unwrap_or(frame)
    }
}

#[inline]
fn in_scratch<R>(write: impl FnOnce(&mut Vec<u8>) -> R) -> R {
    let mut scratch = SCRATCH.take();
    let written = write(&mut scratch);
    if scratch.capacity() <= KEPT_SCRATCH {
        SCRATCH.set(scratch);
    }
    written
}

/// An event with one more argument, as the nodes of a cluster hand it to each other.
fn array_with(packet: &Packet<'_>, last: &str) -> Result<RawJson, EncodeError> {
    let Body::Event { event, .. } = &packet.body else {
        return Err(ParserError::new("it is no event").into());
    };
    let mut text = b"[".to_vec();
    serde_json::to_writer(&mut text, event.name())?;
    for arg in event.args().iter() {
        text.push(b',');
        text.extend_from_slice(arg.as_bytes());
    }
    append(&mut text, last)?;
    let text = String::from_utf8(text).expect("JSON is UTF-8");
    Ok(RawJson::new(text).with_attachments(event.args().attachments().to_vec()))
}

/// One more argument, and the end.
fn append(out: &mut Vec<u8>, last: &str) -> Result<(), serde_json::Error> {
    out.push(b',');
    serde_json::to_writer(&mut *out, last)?;
    out.push(b']');
    Ok(())
}

/// From the default parser's form to that of another.
#[cold]
fn written_again(
    parser: &dyn Parser,
    namespace: &str,
    text: &[u8],
    attachments: Vec<Bytes>,
) -> Result<Frame, EncodeError> {
    let text = std::str::from_utf8(text).map_err(ParserError::new)?;
    let mut packet = read_back(text, attachments).map_err(ParserError::new)?;
    packet.namespace = namespace.into();
    written_by(parser, &packet)
}

/// A parser is code that we do not know: its panic is an error, because packets are also written outside of any call.
fn written_by(parser: &dyn Parser, packet: &Packet<'_>) -> Result<Frame, EncodeError> {
    let written = catch_unwind(AssertUnwindSafe(|| parser.encode(packet)));
    let encoded: Encoded = written.map_err(|panic| {
        ParserError::new(format_args!("the parser panicked: {}", panic_message(&*panic)))
    })??;
    Ok(match encoded.into_parts() {
        (None, binaries) => Frame::binaries(binaries),
        (Some(text), binaries) => Frame::text_with(&text, binaries),
    })
}

/// What this program writes is bound by no limit for peers.
fn unbounded() -> Limits {
    let mut limits = Limits::default();
    limits.max_attachments = usize::MAX;
    limits.max_attachment_bytes = usize::MAX;
    limits
}

impl fmt::Debug for Encoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Encoder").field("default", &self.parser.is_none()).finish()
    }
}

#[cfg(test)]
mod tests {
    use proto::socket::parser::{PacketDecoder, PlainPacket};

    use super::*;

    struct PlainJson;

    impl Parser for PlainJson {
        fn encode(&self, packet: &Packet<'_>) -> Result<Encoded, ParserError> {
            let plain = PlainPacket::try_from(packet)?;
            Ok(Encoded::text(serde_json::to_string(&plain).map_err(ParserError::new)?))
        }

        fn decoder(&self, _: Limits) -> Box<dyn PacketDecoder> {
            Box::new(Self)
        }
    }

    impl PacketDecoder for PlainJson {
        fn text<'a>(&mut self, message: &'a str) -> Result<Option<Packet<'a>>, ParserError> {
            let plain: PlainPacket = serde_json::from_str(message).map_err(ParserError::new)?;
            plain.try_into().map(Some)
        }
    }

    #[test]
    fn an_event_from_another_node_is_as_one_from_here_whatever_the_parser_is() {
        let wires = [r#"42/n,7["e",1,"x"]"#, r#"4{"type":2,"nsp":"/n","id":7,"data":["e",1,"x"]}"#];
        let raw = RawJson::event("e", &(1, "x")).expect("it is JSON");
        let head = Head { namespace: "/n", id: Some(7) };
        for (encoder, wire) in [Encoder::default(), Encoder::new(Arc::new(PlainJson))].iter().zip(wires) {
            let here = encoder.event(head, "e", &(1, "x")).expect("it can be written");
            let there = encoder.event_of_array(head, &raw).expect("it can be written");
            assert_eq!((here.text_packet(), there.text_packet()), (wire.as_bytes(), wire.as_bytes()));
            let mut seen = 0;
            encoder.look_into(&there, |packet| match &packet.body {
                Body::Event { event, .. } => seen = event.args().len(),
                other => panic!("{other:?}"),
            });
            assert_eq!(seen, 2);
        }
    }
}
