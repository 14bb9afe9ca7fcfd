//! What was refused, counted. Nothing is counted while all goes well.

use std::sync::atomic::{AtomicU64, Ordering};

macro_rules! refusals {
    ($($(#[$doc:meta])+ $name:ident / $variant:ident,)+) => {
        /// What this server has refused so far because of its [`Limits`](crate::Limits), on this node. It only ever grows;
        /// take the difference of two for a rate. See [`Io::refusals`](crate::Io::refusals).
        ///
        /// ```
        /// # let io = roomcast::Io::new();
        /// let refusals = io.refusals();
        /// println!("{} connections, {} handshakes", refusals.connections, refusals.handshakes);
        /// ```
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        #[non_exhaustive]
        pub struct Refusals {
            $($(#[$doc])+ pub $name: u64,)+
        }

        /// What is counted, one by one.
        #[derive(Clone, Copy, Debug)]
        pub(crate) enum Refused {
            $($variant,)+
        }

        /// The counters themselves.
        #[derive(Debug, Default)]
        pub(super) struct Refusing([AtomicU64; [$(Refused::$variant,)+].len()]);

        impl Refusing {
            pub(super) fn count(&self, refused: Refused) {
                self.0[refused as usize].fetch_add(1, Ordering::Relaxed);
            }

            pub(super) fn snapshot(&self) -> Refusals {
                Refusals { $($name: self.0[Refused::$variant as usize].load(Ordering::Relaxed),)+ }
            }
        }
    };
}

refusals! {
    /// Connections that were closed before their first byte, because there were too many.
    connections / Connections,
    /// The same, because there were too many of one address.
    connections_of_address / ConnectionsOfAddress,
    /// Handshakes that were answered 503, because there were too many sessions.
    sessions / Sessions,
    /// Handshakes that were answered 429, because there were too many sessions of one address.
    sessions_of_address / SessionsOfAddress,
    /// Handshakes that were answered 429, because too many came in a short time.
    handshakes / Handshakes,
    /// The same, because too many came from one address.
    handshakes_of_address / HandshakesOfAddress,
    /// Requests whose head was too large or had too many lines, answered 431.
    large_heads / LargeHeads,
    /// Connections that were closed because the head of a request, or the next request, did not come in time.
    slow_heads / SlowHeads,
    /// Polling bodies that did not come in time, answered 408; their sessions were closed.
    slow_bodies / SlowBodies,
    /// Connections that were closed because their peer took no byte of an answer for too long.
    slow_readers / SlowReaders,
    /// Sessions that were closed because one polling body held too many packets.
    payloads / Payloads,
    /// Events and connects that came too fast.
    events / Events,
    /// Sessions that were closed because events came too fast.
    floods / Floods,
    /// Sessions that were closed because an attachment did not come in time.
    slow_attachments / SlowAttachments,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_counted_by_itself() {
        let refusing = Refusing::default();
        refusing.count(Refused::Connections);
        refusing.count(Refused::SlowAttachments);
        refusing.count(Refused::SlowAttachments);
        let expected = Refusals { connections: 1, slow_attachments: 2, ..Refusals::default() };
        assert_eq!(refusing.snapshot(), expected);
    }
}
