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

/// Asks by the event `echo` for a text of that length back, and reads the answer.
pub(crate) fn echo(stream: &mut TcpStream, length: u16) {
    let text = "x".repeat(length.into());
    let question = format!(r#"420["echo","{text}"]"#);
    let question_length = u16::try_from(question.len()).expect("it has a middle-sized frame");
    // A text with a length of two bytes, masked by zeros.
    write(stream, &[&b"\x81\xfe"[..], &question_length.to_be_bytes(), &[0; 4], question.as_bytes()].concat());
    assert_eq!(message(stream), format!(r#"430["{text}"]"#).as_bytes());
}

/// A text message of less than 64 KiB.
fn message(stream: &mut TcpStream) -> Vec<u8> {
    assert_eq!(byte(stream), 0x81);
    let length = match byte(stream) {
        126 => usize::from(byte(stream)) << 8 | usize::from(byte(stream)),
        127 => panic!("longer than a middle-sized frame"),
        short => short.into(),
    };
    let mut payload = vec![0; length];
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
