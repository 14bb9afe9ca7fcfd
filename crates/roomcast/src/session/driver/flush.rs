//! What waits in the outbox goes out: by one vectored write, or as the body of a poll.

use std::collections::VecDeque;
use std::task::{Context, Poll};

use proto::engine::{CloseReason, Frame, Lane, Transport};

use super::Driver;
use crate::session::application::Application;
use crate::session::poll::PollReply;

/// The most that is taken from the outbox at once: more would be beyond the reach of control frames and of the overflow
/// policy while the peer reads slowly, less would be more system calls.
const WRITE_BYTES: usize = 256 * 1024;
/// The most for one polling body: while it is on its way no ping can be, and its bytes are no longer counted.
const BODY_BYTES: usize = 1024 * 1024;

/// The most writes of a turn.
const MAX_WRITES: usize = 16;

impl<A: Application> Driver<A> {
    pub(super) fn flush(&mut self, cx: &mut Context<'_>) {
        self.flush_probe(cx);
        if self.ended {
            return;
        }
        match self.session.transport() {
            Transport::Polling => self.flush_poll(cx),
            Transport::WebSocket | Transport::WebTransport => self.flush_stream(cx),
        }
        self.do_outputs();
        if std::mem::take(&mut self.drained) {
            self.app.on_drained();
            // What its handlers emit goes out in another turn: one that always emits more takes turns with the others.
            self.more_to_read = true;
        }
    }

    fn flush_poll(&mut self, cx: &mut Context<'_>) {
        if let Some(poll) = &mut self.poll
            && poll.poll_closed(cx).is_ready()
        {
            self.poll = None;
            self.session.handle_poll_aborted();
            return;
        }
        if !self.session.can_send() {
            return;
        }
        let mut frames = std::mem::take(&mut self.writing);
        self.mailbox.with_outbox(|outbox| _ = outbox.take(&mut frames, BODY_BYTES));
        let mut left = true;
        if !frames.is_empty() {
            let body = self.mailbox.dialect().encode(&frames);
            self.heartbeat_waits = false;
            let reply = match frames.iter().any(Frame::may_compress) {
                true => PollReply::CompressiblePackets(body),
                false => PollReply::Packets(body),
            };
            if self.poll.take().is_some_and(|poll| poll.send(reply).is_ok()) {
                self.session.handle_poll_answered();
                if !self.mailbox.has_frames() {
                    self.session.handle_drained();
                }
                self.progressed = std::mem::take(&mut self.blocked);
            } else {
                // The request went away with what it should have brought.
                left = false;
                self.session.handle_poll_aborted();
            }
        }
        self.mailbox.make_room(|outbox| {
            self.drained |= !frames.is_empty() && outbox.is_empty() && outbox.is_watched();
            match left {
                true => outbox.written(&mut frames),
                false => outbox.lost(&mut frames),
            }
        });
    }

    fn flush_stream(&mut self, cx: &mut Context<'_>) {
        let Some(main) = &mut self.main else { return };
        let mut writes = 0;
        loop {
            if writes == MAX_WRITES {
                // Whoever is pushed to as fast as it writes takes turns with the others, and reads meanwhile.
                self.more_to_read = true;
                return;
            }
            if self.writing.is_empty() {
                self.skip = self.mailbox.with_outbox(|outbox| {
                    let skip = outbox.take(&mut self.writing, WRITE_BYTES);
                    if self.writing.is_empty() {
                        outbox.set_idle(true);
                        self.drained |= writes > 0 && outbox.is_watched();
                    }
                    skip
                });
                if self.writing.is_empty() {
                    break;
                }
                // They were in front of all that was taken. Who never lets the queue run empty shall have the next
                // ones, too.
                self.pong_waits = false;
                self.heartbeat_waits = false;
                main.form(&mut self.writing);
            }
            let mut written = match main.poll_write(cx, &self.writing, self.skip) {
                Poll::Pending => {
                    self.blocked = true;
                    return;
                }
                Poll::Ready(Ok(written)) => written + self.skip,
                Poll::Ready(Err(_)) => {
                    self.session.handle_transport_closed(
                        Lane::Main,
                        CloseReason::TransportError,
                        "write failed",
                    );
                    return;
                }
            };
            writes += 1;
            // A peer that was full takes bytes again: it is reading.
            self.progressed |= std::mem::take(&mut self.blocked);
            let (mut cost, mut frames) = (0, 0);
            let mut all = false;
            while let Some(first) = self.writing.front()
                && written >= first.websocket_len()
            {
                written -= first.websocket_len();
                // The last one gives back its room together with its cost, below.
                if self.writing.len() == 1 {
                    all = true;
                    break;
                }
                cost += first.cost();
                frames += 1;
                self.writing.pop_front();
            }
            self.skip = written;
            self.mailbox.make_room(|outbox| {
                outbox.written_cost(cost, frames);
                if all {
                    outbox.written(&mut self.writing);
                }
            });
        }
        if let Poll::Ready(Err(_)) = main.poll_flush(cx) {
            self.session.handle_transport_closed(Lane::Main, CloseReason::TransportError, "write failed");
            return;
        }
        self.session.handle_drained();
    }

    fn flush_probe(&mut self, cx: &mut Context<'_>) {
        let Some(probe) = &mut self.probe else { return };
        if !std::mem::take(&mut self.probe_pong_waits) {
            return;
        }
        let mut frames = VecDeque::from([Frame::probe_pong()]);
        probe.form(&mut frames);
        let length = frames[0].websocket_len();
        match probe.poll_write(cx, &frames, 0) {
            Poll::Pending => self.probe_pong_waits = true,
            // Eight bytes into an empty socket buffer: a partial write is a broken socket.
            Poll::Ready(Ok(written)) if written == length => {}
            Poll::Ready(_) => self.session.handle_probe_failed(),
        }
    }
}
