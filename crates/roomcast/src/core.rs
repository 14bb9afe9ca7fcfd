//! What all sessions of one server share: configuration, the registry, the count of running tasks.

use std::net::SocketAddr;
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use proto::Sid;
use proto::engine::{Frame, OpenPacket, Timing, Transport};
use tokio::sync::Notify;

use crate::config::EngineConfig;
use crate::engine::SessionHooks;
use crate::http::HttpHooks;
use crate::limits::{Gate, Holder, Permit};
use crate::session::{Registry, Wheel};

/// How long a shutdown waits for handlers that are still running, and then for adapters.
pub(crate) const GRACE: Duration = Duration::from_secs(10);

#[derive(Debug)]
pub(crate) struct Core {
    pub(crate) config: EngineConfig,
    pub(crate) hooks: HttpHooks,
    pub(crate) session_hooks: SessionHooks,
    pub(crate) sessions: Registry,
    pub(crate) timing: Arc<Timing>,
    pub(crate) opening: Opening,
    pub(crate) wheel: Arc<Wheel>,
    pub(crate) gate: Arc<Gate>,
    anybody: Arc<Holder>,
    closing: AtomicBool,
    running: AtomicUsize,
    /// Told when `running` falls to zero and when `closing` is set.
    changed: Notify,
}

/// A task that a shutdown waits for, for as long as this lives.
#[derive(Debug)]
pub(crate) struct Running(Arc<Core>);

impl Core {
    pub(crate) fn new(config: EngineConfig, hooks: HttpHooks, session_hooks: SessionHooks) -> Arc<Self> {
        let timing = &config.timing;
        let shortest = timing.ping_interval.min(timing.ping_timeout).min(timing.upgrade_timeout);
        let longest = timing.ping_interval.max(timing.ping_timeout).max(timing.upgrade_timeout);
        let wheel = Arc::new(Wheel::new(shortest, longest));
        let opening = Opening::new(&config);
        let gate = Gate::new(config.limits.clone(), config.trusted_proxies.clone());
        Arc::new(Self {
            anybody: gate.anybody(),
            gate,
            opening,
            timing: Arc::new(config.timing),
            wheel,
            config,
            hooks,
            session_hooks,
            sessions: Registry::default(),
            closing: AtomicBool::new(false),
            running: AtomicUsize::new(0),
            changed: Notify::new(),
        })
    }

    pub(crate) fn running(self: &Arc<Self>) -> Running {
        self.running.fetch_add(1, Ordering::Relaxed);
        Running(self.clone())
    }

    /// A connection from that address, if there is room for it.
    pub(crate) fn connect(&self, address: Option<SocketAddr>) -> Option<Permit> {
        self.gate.connect(address.map(|address| address.ip()), &self.anybody)
    }

    /// A session has ended.
    pub(crate) fn forget(&self, sid: Sid) {
        if self.sessions.remove(sid) {
            self.gate.leave(sid);
        }
    }

    pub(crate) fn is_closing(&self) -> bool {
        self.closing.load(Ordering::Acquire)
    }

    /// Ends every session, takes no new one, and waits until the last task is done, or until what is left are handlers
    /// that do not end.
    ///
    /// # Cancel safety
    /// The sessions end even if this is no longer polled.
    pub(crate) async fn close(&self) {
        self.closing.store(true, Ordering::Release);
        self.sessions.discard_all();
        self.changed.notify_waiters();
        // Whoever does not end, a handler that waits for something that never comes for example, is not waited for.
        let _ = tokio::time::timeout(GRACE, self.idle()).await;
    }

    async fn idle(&self) {
        loop {
            let changed = self.changed.notified();
            if self.running.load(Ordering::Acquire) == 0 {
                return;
            }
            changed.await;
        }
    }

    /// Waits until [`Core::close`] is called.
    pub(crate) async fn closed(&self) {
        loop {
            let changed = self.changed.notified();
            if self.is_closing() {
                return;
            }
            changed.await;
        }
    }
}

impl Deref for Running {
    type Target = Core;

    fn deref(&self) -> &Core {
        &self.0
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.0.running.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.0.changed.notify_waiters();
        }
    }
}

/// The open packets of a server, which differ in the id only.
#[derive(Debug)]
pub(crate) struct Opening {
    polling: String,
    websocket: String,
}

impl Opening {
    fn new(config: &EngineConfig) -> Self {
        let packet = |transport| {
            let upgrades = config.upgrades(transport);
            let sid = Sid::from_random([0; 15]);
            OpenPacket::new(sid, upgrades, &config.timing, config.max_payload as u64).encode()
        };
        Self { polling: packet(Transport::Polling), websocket: packet(Transport::WebSocket) }
    }

    /// The open packet of one session.
    pub(crate) fn frame(&self, sid: Sid, transport: Transport) -> Frame {
        const SID_AT: usize = r#"0{"sid":""#.len();
        let packet = match transport {
            Transport::Polling => &self.polling,
            Transport::WebSocket | Transport::WebTransport => &self.websocket,
        };
        let sid = sid.as_str();
        Frame::packet_of(&[&packet[..SID_AT], sid, &packet[SID_AT + sid.len()..]])
    }
}

/// An unpredictable id, from a generator that the operating system seeds.
pub(crate) fn random_id() -> Sid {
    // One number in place of fifteen: the generator is asked twice and not once for each byte.
    let [bytes @ .., _] = rand::random::<u128>().to_le_bytes();
    Sid::from_random(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::ServeClient;

    #[test]
    fn an_open_packet_holds_the_id_of_its_session() {
        let config = EngineConfig::new("/socket.io", ServeClient::No);
        let opening = Opening::new(&config);
        for transport in [Transport::Polling, Transport::WebSocket] {
            let sid = random_id();
            let upgrades = config.upgrades(transport);
            let expected = OpenPacket::new(sid, upgrades, &config.timing, config.max_payload as u64).encode();
            assert_eq!(opening.frame(sid, transport).text_packet(), expected.as_bytes());
        }
    }
}
