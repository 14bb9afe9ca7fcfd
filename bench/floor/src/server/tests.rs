//! The whole loop over loopback, with clients that block.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::thread;
use std::time::Duration;

use super::*;
use crate::client::MAX_WAITING;
use crate::frame::tests::masked;
use crate::frame::{BINARY, CLOSE, TEXT};

struct Peer(TcpStream);

impl Peer {
    fn send(&mut self, text: &str) {
        self.0.write_all(&masked(TEXT, text.as_bytes())).unwrap();
    }

    /// The next frame.
    fn next(&mut self) -> (u8, Vec<u8>) {
        let mut head = [0; 2];
        self.0.read_exact(&mut head).unwrap();
        let length = match head[1] {
            126 => {
                let mut length = [0; 2];
                self.0.read_exact(&mut length).unwrap();
                usize::from(u16::from_be_bytes(length))
            }
            127 => {
                let mut length = [0; 8];
                self.0.read_exact(&mut length).unwrap();
                u64::from_be_bytes(length) as usize
            }
            length => usize::from(length),
        };
        let mut payload = vec![0; length];
        self.0.read_exact(&mut payload).unwrap();
        (head[0], payload)
    }

    fn text(&mut self) -> String {
        let (first, payload) = self.next();
        assert_eq!(first, TEXT);
        String::from_utf8(payload).unwrap()
    }
}

/// Starts a server of its own and says where.
fn server(way: Way, interval: Duration) -> SocketAddr {
    let heartbeat = Heartbeat::new(interval, Duration::from_secs(20));
    let mut server = Server::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), way, heartbeat).unwrap();
    let address = server.address().unwrap();
    thread::spawn(move || server.run());
    address
}

/// A client with an open session.
fn open(address: SocketAddr) -> Peer {
    let mut peer = Peer(TcpStream::connect(address).unwrap());
    peer.0.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    peer.0
        .write_all(b"GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nSec-WebSocket-Key: a\r\n\r\n")
        .unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        peer.0.read_exact(&mut byte).unwrap();
        answer.extend(byte);
    }
    assert!(answer.starts_with(b"HTTP/1.1 101 "));
    assert!(peer.text().starts_with(r#"0{"sid":"E"#));
    peer
}

/// A client in the namespace.
fn connect(address: SocketAddr) -> Peer {
    let mut peer = open(address);
    peer.send("40");
    assert!(peer.text().starts_with(r#"40{"sid":"S"#));
    peer
}

const SELDOM: Duration = Duration::from_secs(600);

#[test]
fn every_event_reaches_whom_it_should_both_ways() {
    for way in [Way::Direct, Way::Batch] {
        let address = server(way, SELDOM);
        let [mut a, mut b, mut c] = [connect(address), connect(address), connect(address)];
        b.send(r#"421["join","red"]"#);
        assert_eq!(b.text(), "431[]");
        c.send(r#"42["rooms",["red","blue"]]"#);
        c.send(r#"429["leave","red"]"#);
        assert_eq!(c.text(), "439[]");
        a.send(r#"42["room","red","to b"]"#);
        b.send(r#"42["room","red","to nobody"]"#);
        a.send(r#"42["room","blue","to c"]"#);
        a.send(r#"42["except",["red"],"to a and c"]"#);
        a.send(r#"42["broadcast",{"to":"all"}]"#);
        assert_eq!(b.text(), r#"42["msg","to b"]"#);
        assert_eq!(c.text(), r#"42["msg","to c"]"#);
        for peer in [&mut a, &mut c] {
            assert_eq!(peer.text(), r#"42["msg","to a and c"]"#);
        }
        for peer in [&mut a, &mut b, &mut c] {
            assert_eq!(peer.text(), r#"42["msg",{"to":"all"}]"#);
        }
    }
}

#[test]
fn an_attachment_larger_than_the_read_buffer_comes_back_whole() {
    for way in [Way::Direct, Way::Batch] {
        let mut a = connect(server(way, SELDOM));
        let attachment: Vec<u8> = (0..READ * 3).map(|at| (at * 7) as u8).collect();
        a.send(r#"451-5["echo",{"_placeholder":true,"num":0}]"#);
        a.0.write_all(&masked(BINARY, &attachment)).unwrap();
        assert_eq!(a.text(), r#"461-5[{"_placeholder":true,"num":0}]"#);
        assert_eq!(a.next(), (BINARY, attachment));
    }
}

#[test]
fn input_in_single_bytes_is_put_together() {
    let mut a = connect(server(Way::Direct, SELDOM));
    a.0.set_nodelay(true).unwrap();
    for byte in masked(TEXT, format!(r#"4212["echo","{}"]"#, "x".repeat(300)).as_bytes()) {
        a.0.write_all(&[byte]).unwrap();
    }
    assert_eq!(a.text(), format!(r#"4312["{}"]"#, "x".repeat(300)));
}

#[test]
fn a_reader_that_starts_late_gets_all_in_order() {
    for way in [Way::Direct, Way::Batch] {
        let address = server(way, SELDOM);
        let [mut a, mut late] = [connect(address), connect(address)];
        let payload = "y".repeat(100_000);
        // Less than the bound, and more than the kernel's buffers of both ends hold where they are not large.
        for count in 0..80 {
            a.send(&format!(r#"42["broadcast","{count} {payload}"]"#));
            assert_eq!(a.text(), format!(r#"42["msg","{count} {payload}"]"#));
        }
        for count in 0..80 {
            assert_eq!(late.text(), format!(r#"42["msg","{count} {payload}"]"#));
        }
    }
}

#[test]
fn a_reader_that_never_starts_is_closed_and_the_others_get_all() {
    for way in [Way::Direct, Way::Batch] {
        let address = server(way, SELDOM);
        let [mut a, mut slow] = [connect(address), connect(address)];
        let payload = "y".repeat(100_000);
        let text = |count| format!(r#"42["msg","{count} {payload}"]"#);
        // Three times what the bound allows; the kernel has less room than the rest needs.
        let all = 3 * MAX_WAITING / payload.len();
        for count in 0..all {
            a.send(&format!(r#"42["broadcast","{count} {payload}"]"#));
            assert_eq!(a.text(), text(count));
        }
        let mut rest = Vec::new();
        // A reset takes what the kernel still held along.
        let _ = slow.0.read_to_end(&mut rest);
        assert!(rest.len() < all * payload.len(), "{way:?}: it was not closed");
    }
}

#[test]
fn who_answers_pings_stays_and_who_leaves_is_told_so() {
    let mut a = open(server(Way::Direct, Duration::from_millis(5)));
    for _ in 0..3 {
        assert_eq!(a.text(), "2");
        a.send("3");
    }
    a.0.write_all(&masked(CLOSE, b"")).unwrap();
    loop {
        match a.next() {
            (CLOSE, _) => break,
            frame => assert_eq!(frame, (TEXT, b"2".to_vec())),
        }
    }
    assert_eq!(a.0.read(&mut [0]).unwrap(), 0);
}

#[test]
fn who_never_answers_a_ping_is_closed() {
    let heartbeat = Heartbeat::new(Duration::from_millis(5), Duration::from_millis(10));
    let mut server =
        Server::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), Way::Direct, heartbeat).unwrap();
    let address = server.address().unwrap();
    thread::spawn(move || server.run());
    let mut a = open(address);
    let mut rest = Vec::new();
    a.0.read_to_end(&mut rest).unwrap();
    assert_eq!(rest, [TEXT, 1, b'2'].repeat(2));
}

#[test]
fn frames_that_do_not_lie_side_by_side_leave_whole_and_in_order() {
    for way in [Way::Direct, Way::Batch] {
        let address = server(way, SELDOM);
        let [mut a, mut b, mut c] = [connect(address), connect(address), connect(address)];
        for (peer, room) in [(&mut b, "red"), (&mut c, "blue")] {
            peer.send(&format!(r#"420["join","{room}"]"#));
            assert_eq!(peer.text(), "430[]");
        }
        // More than one write has pieces for, all in one pass of the loop if the kernel likes.
        let burst: Vec<u8> = (0..300)
            .flat_map(|count| ["red", "blue"].map(|room| format!(r#"42["room","{room}","{room} {count}"]"#)))
            .flat_map(|event| masked(TEXT, event.as_bytes()))
            .collect();
        a.0.write_all(&burst).unwrap();
        for count in 0..300 {
            assert_eq!(b.text(), format!(r#"42["msg","red {count}"]"#));
            assert_eq!(c.text(), format!(r#"42["msg","blue {count}"]"#));
        }
    }
}

#[test]
fn a_namespace_keeps_to_itself() {
    for way in [Way::Direct, Way::Batch] {
        let address = server(way, SELDOM);
        let mut root = connect(address);
        let [mut a, mut b] = [open(address), open(address)];
        for peer in [&mut a, &mut b] {
            peer.send("40/x,");
            assert!(peer.text().starts_with(r#"40/x,{"sid":"S"#));
            peer.send(r#"42/x,3["join","red"]"#);
            assert_eq!(peer.text(), "43/x,3[]");
        }
        root.send(r#"420["join","red"]"#);
        assert_eq!(root.text(), "430[]");
        a.send(r#"42/x,["room","red","to b"]"#);
        a.send(r#"42/x,["broadcast","to a and b"]"#);
        a.send(r#"42/x,9["echo","to a"]"#);
        assert_eq!(b.text(), r#"42/x,["msg","to b"]"#);
        for peer in [&mut a, &mut b] {
            assert_eq!(peer.text(), r#"42/x,["msg","to a and b"]"#);
        }
        assert_eq!(a.text(), r#"43/x,9["to a"]"#);
        // Nothing of all that came before this.
        root.send(r#"42["broadcast","to the root"]"#);
        assert_eq!(root.text(), r#"42["msg","to the root"]"#);
    }
}
