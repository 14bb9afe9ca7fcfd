//! A WebSocket echo server on the sans-IO codec alone, for the Autobahn test suite.
//!
//! `autobahn_echo [address]`, by default 127.0.0.1:9001: text and binary messages go back as they came. Odd: the HTTP
//! upgrade is the least that works, because only the frames are tested here. Compression keeps its windows unless the client
//! wants it otherwise, which is more to get wrong.

use std::error::Error;
use std::io;
use std::time::Duration;

use roomcast_proto::websocket::{
    Agreement, Context, ControlFrame, Decoder, Deflater, Event, Inflater, Key, Limits, MAX_HEADER, OpCode,
    Role, Terms, encode_header,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// The suite's largest messages have 16 MiB, in up to 65,536 fragments.
const MAX_MESSAGE: usize = 16 << 20;
/// The bit of a frame's first byte that says that its message is compressed.
const COMPRESSED: u8 = 0x40;
const READ_BUFFER: usize = 64 << 10;
/// How long the peer may take to close its side after ours.
const CLOSE_WAIT: Duration = Duration::from_secs(2);

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:9001".to_owned());
    let listener = TcpListener::bind(address).await?;
    loop {
        let (stream, _) = listener.accept().await?;
        tokio::spawn(async {
            // A connection that fails is the suite's to judge.
            let _ = serve(stream).await;
        });
    }
}

async fn serve(mut stream: TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut buffer = vec![0; READ_BUFFER];
    let (mut filled, agreement) = upgrade(&mut stream, &mut buffer).await?;
    let mut decoder = Decoder::new(Role::Server, Limits::new(MAX_MESSAGE));
    let mut echo = Echo { compression: None };
    if let Some(agreement) = agreement {
        decoder = decoder.inflating(match agreement.client_context {
            Context::PerMessage => Inflater::per_message(),
            Context::Kept => Inflater::kept(agreement.client_window_bits),
        });
        echo.compression = Some((Deflater::new(6, agreement.server_window_bits), agreement.server_context));
    }
    let mut out = Vec::new();
    loop {
        let go_on = answer(&mut echo, &mut decoder, &mut buffer[..filled], &mut out);
        stream.write_all(&out).await?;
        out.clear();
        if !go_on {
            // The server closes the connection first, and reads to its end, so that no reset overtakes the close frame.
            stream.shutdown().await?;
            let drain = async { while matches!(stream.read(&mut buffer).await, Ok(1..)) {} };
            let _ = tokio::time::timeout(CLOSE_WAIT, drain).await;
            return Ok(());
        }
        filled = stream.read(&mut buffer).await?;
        if filled == 0 {
            return Ok(());
        }
    }
}

/// Writes what `input` asks for to `out`; false after the closing handshake or an error.
fn answer(echo: &mut Echo, decoder: &mut Decoder, mut input: &mut [u8], out: &mut Vec<u8>) -> bool {
    loop {
        let step = match decoder.decode(input) {
            Ok(step) => step,
            Err(error) => {
                out.extend(&*ControlFrame::close(Some((error.close_code(), &error.to_string())), None));
                return false;
            }
        };
        let consumed = step.consumed;
        match step.event {
            None => return true,
            Some(Event::Text(text)) => echo.message(OpCode::Text, text.as_bytes(), out),
            Some(Event::Binary(payload)) => echo.message(OpCode::Binary, &payload, out),
            Some(Event::Ping(payload)) => out.extend(&*ControlFrame::pong(payload, None)),
            Some(Event::Pong(_)) => {}
            Some(Event::Close(close)) => {
                out.extend(&*ControlFrame::close(close.map(|close| (close.code, close.reason)), None));
                return false;
            }
        }
        input = &mut input[consumed..];
    }
}

/// Writes messages, compressed if that was agreed on.
struct Echo {
    compression: Option<(Deflater, Context)>,
}

impl Echo {
    fn message(&mut self, opcode: OpCode, message: &[u8], out: &mut Vec<u8>) {
        let mut compressed = Vec::new();
        let payload = match &mut self.compression {
            Some((deflater, context)) if !message.is_empty() => {
                if *context == Context::PerMessage {
                    deflater.reset();
                }
                deflater.deflate([message, &[]], &mut compressed).map_or(message, |()| &compressed)
            }
            _ => message,
        };
        let mut header = [0; MAX_HEADER];
        let len = encode_header(&mut header, opcode, true, payload.len() as u64, None);
        if !compressed.is_empty() {
            header[0] |= COMPRESSED;
        }
        out.extend(&header[..len]);
        out.extend(payload);
    }
}

/// Answers the HTTP request; what came after it is left at the front of `buffer`, and its length returned, with what was
/// agreed on about compression.
async fn upgrade(stream: &mut TcpStream, buffer: &mut [u8]) -> io::Result<(usize, Option<Agreement>)> {
    let mut filled = 0;
    loop {
        let read = stream.read(&mut buffer[filled..]).await?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        filled += read;
        let mut headers = [httparse::EMPTY_HEADER; 32];
        let mut request = httparse::Request::new(&mut headers);
        let parsed = request.parse(&buffer[..filled]).map_err(io::Error::other)?;
        let httparse::Status::Complete(end) = parsed else { continue };
        let key = request
            .headers
            .iter()
            .find(|header| header.name.eq_ignore_ascii_case("sec-websocket-key"))
            .and_then(|header| Key::parse(header.value).ok())
            .ok_or_else(|| io::Error::other("no WebSocket key"))?;
        let offers = request
            .headers
            .iter()
            .filter(|header| header.name.eq_ignore_ascii_case("sec-websocket-extensions"))
            .filter_map(|header| std::str::from_utf8(header.value).ok());
        let mut terms = Terms::default();
        terms.server_context = Context::Kept;
        terms.client_context = Context::Kept;
        let agreement = Agreement::negotiate(offers, terms).map_err(io::Error::other)?;
        let extensions = agreement
            .map(|agreement| format!("Sec-WebSocket-Extensions: {agreement}\r\n"))
            .unwrap_or_default();
        let head = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n";
        let accept = key.accept();
        let parts = [
            head.as_bytes(),
            extensions.as_bytes(),
            b"Sec-WebSocket-Accept: ",
            accept.as_bytes(),
            b"\r\n\r\n",
        ];
        stream.write_all(&parts.concat()).await?;
        buffer.copy_within(end..filled, 0);
        return Ok((filled - end, agreement));
    }
}
