//! What compression leaves in an idle session: next to nothing, where no windows are kept.
//!
//! What is odd: the client's part is undone before the bytes are counted, and what the threads keep is made by those who come
//! and go before.

mod support;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use proto::websocket::{Decoder, Deflater, Event, Inflater, Limits, MAX_HEADER, OpCode, Role, encode_header};
use roomcast::{Io, PerMessageDeflate};

use support::{DEADLINE, serve, until};

#[global_allocator]
static ALLOCATOR: dhat::Alloc = dhat::Alloc;

const SESSIONS: usize = 100;

/// What a session may cost more than one without compression: a pointer here and there, and chance.
const MAX_MORE: usize = 200;

#[test]
fn an_idle_session_owns_neither_window_nor_compressor() {
    let plain = cost(Io::builder().build());
    let compressed = cost(Io::builder().per_message_deflate(PerMessageDeflate::new()).build());
    assert!(compressed <= plain + MAX_MORE, "{compressed} bytes instead of {plain}");

    // What it is measured against: so much is what each would keep.
    let kept = PerMessageDeflate::new().server_context_takeover(true).client_context_takeover(true);
    let kept = cost(Io::builder().per_message_deflate(kept).build());
    assert!(kept > 300_000, "{kept} bytes");
}

/// Bytes of heap for each session that has sent and got a compressed message.
fn cost(io: Io) -> usize {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    let runtime = runtime.expect("a runtime needs two files");
    io.on("echo", async |text: String| text);
    let address = runtime.block_on(serve(&io));
    let _profiler = dhat::Profiler::builder().testing().build();
    let visit = |sessions: usize| {
        let clients: Vec<_> = (0..sessions).map(|_| Client::new(address).echo()).collect();
        runtime.block_on(until("only the sessions are left", || {
            runtime.metrics().num_alive_tasks() == sessions + if sessions == 0 { 1 } else { 2 }
        }));
        clients
    };
    drop(visit(SESSIONS));
    visit(0);
    let before = dhat::HeapStats::get().curr_bytes;
    let clients = visit(SESSIONS);
    let after = dhat::HeapStats::get().curr_bytes - clients.capacity() * size_of::<TcpStream>();
    drop(clients);
    after.saturating_sub(before) / SESSIONS
}

/// A client that offers compression and uses it if it is granted, its window kept by nobody.
struct Client {
    stream: TcpStream,
    decoder: Decoder,
    granted: bool,
}

impl Client {
    fn new(address: SocketAddr) -> Self {
        let mut stream = TcpStream::connect(address).expect("the server listens");
        stream.set_read_timeout(Some(DEADLINE)).expect("a deadline can be set");
        let request = String::from_utf8_lossy(support::wire::UPGRADE);
        let request =
            request.trim_end().to_owned() + "\r\nsec-websocket-extensions: permessage-deflate\r\n\r\n";
        stream.write_all(request.as_bytes()).expect("the server is there");
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).expect("the server is there");
            head.extend(byte);
        }
        let head = String::from_utf8_lossy(&head);
        let granted = head.contains("permessage-deflate");
        let kept = !head.contains("no_context_takeover");
        let inflater = if kept { Inflater::kept(15) } else { Inflater::per_message() };
        let decoder = Decoder::new(Role::Client, Limits::default()).inflating(inflater);
        let mut client = Self { stream, decoder, granted };
        assert!(client.next().starts_with("0{"));
        client.send("40", false);
        assert!(client.next().starts_with("40{"));
        client
    }

    /// Sends and gets back a text that is compressed where the server does that; only the stream is left.
    fn echo(mut self) -> TcpStream {
        let text = "text ".repeat(1000);
        let granted = self.granted;
        self.send(&format!(r#"420["echo","{text}"]"#), granted);
        assert_eq!(self.next(), format!(r#"430["{text}"]"#));
        self.stream
    }

    fn send(&mut self, text: &str, compressed: bool) {
        let mut payload = text.as_bytes().to_vec();
        if compressed {
            payload.clear();
            Deflater::new(6, 15).deflate([text.as_bytes(), &[]], &mut payload).expect("it is text");
        }
        let mut header = [0; MAX_HEADER];
        // A key of zeros masks nothing.
        let length = encode_header(&mut header, OpCode::Text, true, payload.len() as u64, Some([0; 4]));
        header[0] |= if compressed { 0x40 } else { 0 };
        self.stream.write_all(&[&header[..length], &payload].concat()).expect("the server is there");
    }

    fn next(&mut self) -> String {
        let mut buffer = vec![0; 64 * 1024];
        loop {
            let length = self.stream.read(&mut buffer).expect("the server is there");
            assert_ne!(length, 0, "the server has hung up");
            let step = self.decoder.decode(&mut buffer[..length]).expect("the server speaks WebSocket");
            // One message at a time is on its way, so nothing is behind it.
            match step.event {
                Some(Event::Text(text)) => return text.to_owned(),
                Some(other) => panic!("{other:?}"),
                None => {}
            }
        }
    }
}
