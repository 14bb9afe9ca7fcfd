//! What a client says first on its stream: `0` for a new session, `0{"sid":".."}` to bring the stream to one that polls.

use std::io;

use proto::Sid;
use proto::websocket::Event;
use proto::webtransport::Decoder;
use serde::Deserialize;
use tokio::io::{AsyncRead, AsyncReadExt};

/// The longest first packet: more than twice of what any client has to say.
const MAX_HELLO: usize = 256;

/// What a client wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hello {
    /// A session.
    Open,
    /// To go on with this one.
    Upgrade(Sid),
}

#[derive(Deserialize)]
struct Upgrade<'a> {
    sid: &'a str,
}

impl Hello {
    /// Reads the first packet; what came behind it is given, too.
    pub(super) async fn read(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<(Self, Vec<u8>)> {
        let mut decoder = Decoder::new(MAX_HELLO);
        let mut buffer = vec![0; MAX_HELLO];
        loop {
            let length = stream.read(&mut buffer).await?;
            if length == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let step = decoder.decode(&buffer[..length]).map_err(invalid)?;
            let hello = match step.event {
                None => continue,
                Some(Event::Text(text)) => Self::parse(text),
                Some(_) => None,
            };
            let hello = hello.ok_or_else(|| invalid("not a handshake"))?;
            let consumed = step.consumed;
            return Ok((hello, buffer[consumed..length].to_vec()));
        }
    }

    fn parse(packet: &str) -> Option<Self> {
        match packet.strip_prefix('0')? {
            "" => Some(Self::Open),
            json => {
                let Upgrade { sid } = serde_json::from_str(json).ok()?;
                Some(Self::Upgrade(Sid::parse(sid)?))
            }
        }
    }
}

fn invalid(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt;

    use super::*;

    const SID: &str = "q7Zk1uT0mJ3vX9bYAAAB";

    async fn read(wire: &[u8], piece: usize) -> io::Result<(Hello, Vec<u8>)> {
        let (mut client, mut server) = tokio::io::duplex(piece);
        let wire = wire.to_vec();
        let writing = tokio::spawn(async move { _ = client.write_all(&wire).await });
        let hello = Hello::read(&mut server).await;
        drop(server);
        writing.await.unwrap();
        hello
    }

    fn encoded(packet: &str) -> Vec<u8> {
        [&[u8::try_from(packet.len()).unwrap()], packet.as_bytes()].concat()
    }

    #[tokio::test]
    async fn a_client_opens_a_session_or_names_one_and_what_follows_is_kept() {
        let upgrade = format!("0{{\"sid\":\"{SID}\"}}");
        for (packet, expected) in [("0", Hello::Open), (&upgrade, Hello::Upgrade(Sid::parse(SID).unwrap()))] {
            for piece in [1, 2, 1000] {
                assert_eq!(read(&encoded(packet), piece).await.unwrap(), (expected, vec![]));
            }
            let more = [encoded(packet), encoded("2probe")].concat();
            assert_eq!(read(&more, 1000).await.unwrap(), (expected, encoded("2probe")));
        }
    }

    #[tokio::test]
    async fn anything_else_is_refused() {
        let too_long = encoded(&format!("0{{\"sid\":\"{SID}\",\"x\":\"{}\"}}", "x".repeat(60)));
        assert!(read(&too_long, 1000).await.is_ok(), "unknown fields are ignored");
        for wire in [
            &encoded("1"),
            &encoded("4hello"),
            &encoded("0x"),
            &encoded("0{}"),
            &encoded("0{\"sid\":1}"),
            &encoded("0{\"sid\":\"__proto__\"}"),
            &encoded("0{\"sid\":\"q7Zk1uT0mJ3vX9bYAAA?\"}"),
            // Binary, empty, too long, cut.
            &b"\x810"[..],
            b"\0",
            b"\x7e\x02\0",
            b"\x020",
            b"",
        ] {
            assert!(read(wire, 1000).await.is_err(), "{wire:x?}");
        }
    }
}
