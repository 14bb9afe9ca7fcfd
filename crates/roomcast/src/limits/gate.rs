//! Who gets in: connections before their first byte, sessions before they are opened.
//!
//! In: an address. Out: a permit that counts for as long as it lives, or a refusal, which is counted. What is odd: while
//! nothing is limited by address, all connections share one permit's insides, and sessions have none.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use parking_lot::Mutex;
use proto::Sid;
use proto::engine::HandshakeError;

use super::addresses::{Addresses, Key, Kind};
use super::rate::SharedBucket;
use super::refusals::{Refused, Refusing};
use super::{Limits, Refusals, TrustedProxies};

#[derive(Debug)]
pub(crate) struct Gate {
    limits: Limits,
    proxies: Option<TrustedProxies>,
    begin: Instant,
    connections: AtomicUsize,
    sessions: AtomicUsize,
    handshakes: SharedBucket,
    /// There if anything is counted by address.
    addresses: Option<Addresses>,
    /// Which address a session is of, while that is counted.
    owners: Mutex<HashMap<Sid, Key>>,
    refusing: Refusing,
}

/// A connection may be there for as long as this lives.
#[derive(Debug)]
pub(crate) struct Permit(Arc<Holder>);

/// What connections of one address share; mostly those of all.
#[derive(Debug)]
pub(crate) struct Holder {
    gate: Arc<Gate>,
    key: Option<Key>,
}

/// A session may be opened; kept, or given back by its end.
#[derive(Debug)]
pub(crate) struct Admission {
    gate: Arc<Gate>,
    key: Option<Key>,
    kept: bool,
}

impl Gate {
    pub(crate) fn new(limits: Limits, proxies: Option<TrustedProxies>) -> Arc<Self> {
        let addresses = limits.know_addresses().then(Addresses::default);
        Arc::new(Self {
            limits,
            proxies,
            begin: tokio::time::Instant::now().into_std(),
            connections: AtomicUsize::new(0),
            sessions: AtomicUsize::new(0),
            handshakes: SharedBucket::default(),
            addresses,
            owners: Mutex::new(HashMap::new()),
            refusing: Refusing::default(),
        })
    }

    /// Nanoseconds since the gate was built: five hundred years fit.
    pub(crate) fn now(&self) -> u64 {
        let since = tokio::time::Instant::now().into_std().saturating_duration_since(self.begin);
        u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
    }

    pub(crate) fn count(&self, refused: Refused) {
        self.refusing.count(refused);
    }

    pub(crate) fn refusals(&self) -> Refusals {
        self.refusing.snapshot()
    }

    /// The insides of the permits that are of no address.
    pub(crate) fn anybody(self: &Arc<Self>) -> Arc<Holder> {
        Arc::new(Holder { gate: self.clone(), key: None })
    }

    /// A connection from that address, if there is room for it. `anybody` is [`Gate::anybody`]'s, made once.
    pub(crate) fn connect(
        self: &Arc<Self>,
        address: Option<IpAddr>,
        anybody: &Arc<Holder>,
    ) -> Option<Permit> {
        if !add(&self.connections, self.limits.connections) {
            self.count(Refused::Connections);
            return None;
        }
        let limited = address.filter(|address| !self.trusts(*address));
        let (Some(addresses), Some(limit), Some(address)) =
            (&self.addresses, self.limits.connections_per_address, limited)
        else {
            return Some(Permit(anybody.clone()));
        };
        let key = Key::of(address);
        if !addresses.add(key, Kind::Connection, limit, self.now()) {
            self.connections.fetch_sub(1, Ordering::Relaxed);
            self.count(Refused::ConnectionsOfAddress);
            return None;
        }
        Some(Permit(Arc::new(Holder { gate: self.clone(), key: Some(key) })))
    }

    fn trusts(&self, address: IpAddr) -> bool {
        self.proxies.as_ref().is_some_and(|proxies| proxies.trusts(address))
    }

    /// A new session of that client, if there is room for it and it does not come too soon after others.
    pub(crate) fn admit(self: &Arc<Self>, client: Option<IpAddr>) -> Result<Admission, HandshakeError> {
        let refuse = |refused, error| {
            self.count(refused);
            Err(error)
        };
        let by_address = self.addresses.as_ref().zip(client.map(Key::of));
        if let (Some((addresses, key)), Some(rate)) = (by_address, self.limits.handshakes_per_address)
            && !addresses.take_handshake(key, rate, self.now())
        {
            return refuse(Refused::HandshakesOfAddress, HandshakeError::TooManyRequests);
        }
        if let Some(rate) = self.limits.handshakes
            && !self.handshakes.take(rate, self.now())
        {
            return refuse(Refused::Handshakes, HandshakeError::TooManyRequests);
        }
        if !add(&self.sessions, self.limits.sessions) {
            return refuse(Refused::Sessions, HandshakeError::Full);
        }
        // From here on it gives back by itself what it has.
        let mut admission = Admission { gate: self.clone(), key: None, kept: false };
        if let (Some((addresses, key)), Some(limit)) = (by_address, self.limits.sessions_per_address) {
            if !addresses.add(key, Kind::Session, limit, self.now()) {
                return refuse(Refused::SessionsOfAddress, HandshakeError::TooManyRequests);
            }
            admission.key = Some(key);
        }
        Ok(admission)
    }

    /// A session that was admitted has ended.
    pub(crate) fn leave(&self, sid: Sid) {
        let key = match self.limits.sessions_per_address {
            Some(_) => self.owners.lock().remove(&sid),
            None => None,
        };
        self.end_session(key);
    }

    fn end_session(&self, key: Option<Key>) {
        self.sessions.fetch_sub(1, Ordering::Relaxed);
        if let (Some(addresses), Some(key)) = (&self.addresses, key) {
            addresses.remove(key, Kind::Session, self.now());
        }
    }
}

/// One more, if there are fewer than `limit`.
fn add(count: &AtomicUsize, limit: usize) -> bool {
    let added = count
        .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |count| (count < limit).then_some(count + 1));
    added.is_ok()
}

impl Admission {
    /// The session is there: it counts until [`Gate::leave`].
    pub(crate) fn keep(mut self, sid: Sid) {
        self.kept = true;
        if let Some(key) = self.key {
            self.gate.owners.lock().insert(sid, key);
        }
    }
}

impl Drop for Admission {
    fn drop(&mut self) {
        if !self.kept {
            self.gate.end_session(self.key);
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let Holder { gate, key } = &*self.0;
        gate.connections.fetch_sub(1, Ordering::Relaxed);
        if let (Some(addresses), Some(key)) = (&gate.addresses, *key) {
            addresses.remove(key, Kind::Connection, gate.now());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Rate;
    use crate::core::random_id;

    fn gate(limits: Limits) -> (Arc<Gate>, Arc<Holder>) {
        let gate = Gate::new(limits, Some("192.0.2.0/24".parse().unwrap()));
        let anybody = gate.anybody();
        (gate, anybody)
    }

    fn address(last: u8) -> Option<IpAddr> {
        Some(IpAddr::from([198, 51, 100, last]))
    }

    #[test]
    fn connections_are_counted_in_all_and_given_back() {
        let (gate, anybody) = gate(Limits::new().connections(2));
        let first = gate.connect(address(1), &anybody).unwrap();
        let _second = gate.connect(None, &anybody).unwrap();
        assert!(gate.connect(address(2), &anybody).is_none());
        drop(first);
        assert!(gate.connect(address(2), &anybody).is_some());
        assert_eq!(gate.refusals().connections, 1);
    }

    #[test]
    fn connections_of_one_address_are_limited_but_not_those_of_a_trusted_proxy() {
        let (gate, anybody) = gate(Limits::new().connections_per_address(1));
        let first = gate.connect(address(1), &anybody).unwrap();
        assert!(gate.connect(address(1), &anybody).is_none() && gate.connect(address(2), &anybody).is_some());
        let proxy = Some(IpAddr::from([192, 0, 2, 7]));
        let _proxied: Vec<_> = (0..5).map(|_| gate.connect(proxy, &anybody).unwrap()).collect();
        drop(first);
        assert!(gate.connect(address(1), &anybody).is_some());
        assert_eq!(gate.refusals().connections_of_address, 1);
        assert_eq!(gate.addresses.as_ref().unwrap().len(), 0);
        assert_eq!(gate.connections.load(Ordering::Relaxed), 5);
    }

    #[test]
    fn sessions_count_until_they_leave_and_refusals_leave_nothing() {
        let (gate, _) = gate(Limits::new().sessions(2).sessions_per_address(1));
        let sid = random_id();
        gate.admit(address(1)).unwrap().keep(sid);
        assert_eq!(gate.admit(address(1)).unwrap_err(), HandshakeError::TooManyRequests);
        let second = gate.admit(address(2)).unwrap();
        assert_eq!(gate.admit(address(3)).unwrap_err(), HandshakeError::Full);
        drop(second);
        assert!(gate.admit(address(3)).is_ok());
        gate.leave(sid);
        assert!(gate.admit(address(1)).is_ok());
        assert_eq!((gate.refusals().sessions, gate.refusals().sessions_of_address), (1, 1));
        assert_eq!(gate.sessions.load(Ordering::Relaxed), 0);
        assert_eq!((gate.addresses.as_ref().unwrap().len(), gate.owners.lock().len()), (0, 0));
    }

    #[test]
    fn handshakes_are_limited_in_all_and_by_address() {
        let rates = (Rate::per_second(1).burst(5), Rate::per_second(1).burst(2));
        let (gate, _) = gate(Limits::new().handshakes(rates.0).handshakes_per_address(rates.1));
        let tries = |last| (0..4).filter(|_| gate.admit(address(last)).is_ok()).count();
        assert_eq!([tries(1), tries(2), tries(3)], [2, 2, 1]);
        assert_eq!((gate.refusals().handshakes_of_address, gate.refusals().handshakes), (6, 1));
    }
}
