//! A client that blocks and holds nothing on the heap: for tests that count what the server holds.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use super::wait::DEADLINE;
use super::wire::UPGRADE;

/// A WebSocket in the main namespace, all greetings read.
pub(crate) fn join(address: SocketAddr) -> TcpStream {
    let mut stream = TcpStream::connect(address).expect("the server listens");
    stream.set_read_timeout(Some(DEADLINE)).expect("a deadline can be set");
    write(&mut stream, UPGRADE);
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(byte(&mut stream));
    }
    assert!(head.starts_with(b"HTTP/1.1 101 "));
    assert!(message(&mut stream).starts_with(b"0{"));
    write(&mut stream, JOIN);
    assert!(message(&mut stream).starts_with(b"40{"));
    stream
}

/// The wish for the main namespace: a text of two bytes, masked by zeros.
const JOIN: &[u8] = b"\x81\x82\0\0\0\x0040";

/// A short text message.
fn message(stream: &mut TcpStream) -> Vec<u8> {
    assert_eq!(byte(stream), 0x81);
    let length = byte(stream);
    assert!(length < 126, "longer than a short frame");
    let mut payload = vec![0; length.into()];
    stream.read_exact(&mut payload).expect("the server is there");
    payload
}

fn byte(stream: &mut TcpStream) -> u8 {
    let mut byte = [0];
    stream.read_exact(&mut byte).expect("the server is there");
    byte[0]
}

fn write(stream: &mut TcpStream, bytes: &[u8]) {
    stream.write_all(bytes).expect("the server is there");
}
