//! Servers with a parser of their user's: everything works as with the default one, and its faults hurt nobody else.

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use roomcast::parser::{
    Body, Encoded, Limits, Packet, PacketDecoder, Parser, ParserError, PlainPacket, read_event_array,
};
use roomcast::{
    Binary, Bytes, ConnectError, EventName, HandlerError, Io, IoBuilder, Namespace, Rest, Socket, State,
};
use serde_json::{Value, json};

use support::{Lines, Log, WebSocket, hush_panics, serve};

/// Packets are JSON objects in text messages, as in the example of the Socket.IO documentation.
#[derive(Clone, Default)]
struct PlainJson {
    encoded: Arc<AtomicUsize>,
}

impl Parser for PlainJson {
    fn encode(&self, packet: &Packet<'_>) -> Result<Encoded, ParserError> {
        self.encoded.fetch_add(1, Ordering::Relaxed);
        let plain = PlainPacket::try_from(packet)?;
        match &packet.body {
            Body::Event { event, .. } if event.name() == "panic" => panic!("on purpose"),
            Body::Event { event, .. } if event.name() == "unsayable" => {
                Err(ParserError::new("cannot say it"))
            }
            _ => Ok(Encoded::text(serde_json::to_string(&plain).map_err(ParserError::new)?)),
        }
    }

    fn decoder(&self, _: Limits) -> Box<dyn PacketDecoder> {
        Box::new(self.clone())
    }
}

impl PacketDecoder for PlainJson {
    fn text<'a>(&mut self, message: &'a str) -> Result<Option<Packet<'a>>, ParserError> {
        assert_ne!(message, "panic", "on purpose");
        // Neither what a client may send, nor what it has written itself.
        assert!(!message.contains("unreadable"), "on purpose");
        let plain: PlainPacket = serde_json::from_str(message).map_err(ParserError::new)?;
        Ok(Some(plain.try_into()?))
    }
}

/// A text, `2 e7 ["a",..]`: the number of binary messages behind it, a letter for the type, the acknowledgement's id,
/// and the arguments as they are.
struct Lettered;

struct LetteredDecoder {
    head: Option<(usize, String)>,
    attachments: Vec<Bytes>,
}

impl Parser for Lettered {
    fn encode(&self, packet: &Packet<'_>) -> Result<Encoded, ParserError> {
        let id = |id: &Option<u64>| id.map(|id| id.to_string()).unwrap_or_default();
        let (letter, name, args) = match &packet.body {
            Body::Event { id: ack, event } => (format!("e{}", id(ack)), Some(event.name()), event.args()),
            Body::Ack { id: ack, args } => (format!("a{}", id(ack)), None, args),
            _ => return Ok(Encoded::text("0 c []")),
        };
        let name = name.map(|name| json!(name).to_string());
        let json: Vec<&str> = name.iter().map(String::as_str).chain(args.iter()).collect();
        let text = format!("{} {letter} [{}]", args.attachments().len(), json.join(","));
        Ok(args.attachments().iter().fold(Encoded::text(text), |all, bytes| all.and_binary(bytes.clone())))
    }

    fn decoder(&self, _: Limits) -> Box<dyn PacketDecoder> {
        Box::new(LetteredDecoder { head: None, attachments: Vec::new() })
    }
}

impl LetteredDecoder {
    fn packet(&mut self) -> Result<Option<Packet<'static>>, ParserError> {
        let Some((_, text)) = self.head.take_if(|(count, _)| *count == self.attachments.len()) else {
            return Ok(None);
        };
        let attachments = std::mem::take(&mut self.attachments);
        let (letter, json) = text.split_once(' ').ok_or_else(|| ParserError::new("no type"))?;
        let body = match letter.strip_prefix('e') {
            Some(id) => {
                let event = read_event_array(json, &attachments).map_err(ParserError::new)?;
                Body::Event { id: id.parse().ok(), event: event.into_owned() }
            }
            None => Body::Connect(None),
        };
        Ok(Some(Packet { namespace: "/".into(), body }))
    }
}

impl PacketDecoder for LetteredDecoder {
    fn text<'a>(&mut self, message: &'a str) -> Result<Option<Packet<'a>>, ParserError> {
        let (count, text) = message.split_once(' ').ok_or_else(|| ParserError::new("no count"))?;
        self.head = Some((count.parse().map_err(ParserError::new)?, text.to_owned()));
        self.packet()
    }

    fn binary(&mut self, message: Bytes) -> Result<Option<Packet<'static>>, ParserError> {
        self.attachments.push(message);
        self.packet()
    }

    fn waiting(&self) -> Option<usize> {
        self.head.as_ref()?;
        Some(self.attachments.iter().map(Bytes::len).sum())
    }
}

/// A server with the parser, and what its hook is told.
fn build(builder: IoBuilder, parser: impl Parser) -> (Io, Lines) {
    let (log, lines) = Log::new();
    let io = builder.parser(parser).build();
    io.manage(log.clone());
    io.on_error(move |failure| log.say(format!("{} failed: {}", failure.event, failure.cause)));
    (io, lines)
}

struct Client(WebSocket);

impl Client {
    async fn open(io: &Io) -> Self {
        Self(WebSocket::open(serve(io).await).await)
    }

    async fn join(io: &Io) -> Self {
        let mut client = Self::open(io).await;
        client.say(json!({"type": 0, "nsp": "/"})).await;
        let reply = client.hear().await;
        assert_eq!((&reply["type"], &reply["nsp"]), (&json!(0), &json!("/")));
        client
    }

    async fn lettered(io: &Io) -> Self {
        let mut client = Self::open(io).await;
        client.0.send("40 c []").await;
        client.0.expect(&["40 c []"]).await;
        client
    }

    async fn say(&mut self, packet: Value) {
        self.0.send(&format!("4{packet}")).await;
    }

    async fn hear(&mut self) -> Value {
        serde_json::from_str(&self.0.text().await[1..]).expect("the server speaks JSON")
    }

    async fn expect(&mut self, packet: Value) {
        assert_eq!(self.hear().await, packet);
    }
}

#[tokio::test]
async fn events_and_acknowledgements_go_both_ways() {
    let (io, _) = build(Io::builder(), PlainJson::default());
    io.on("add", async |a: i64, b: i64| a + b);
    io.on("several", async || (1, "two"));
    io.on("nothing", async || {});
    io.on("fails", async || Err::<(), _>(HandlerError::new("no luck")));
    io.on("ask", async |socket: Socket, value: Value| {
        let answer = socket.emit_with_ack::<Value>("question", (value, 2)).await.expect("it is answered");
        socket.emit("answered", answer);
    });
    let mut client = Client::join(&io).await;
    for (data, answer) in [
        (json!(["add", 1, 2]), json!([3])),
        (json!(["several"]), json!([1, "two"])),
        (json!(["nothing"]), json!([])),
        (json!(["fails"]), json!([{"error": "no luck"}])),
        (json!(["add", "1", 2]), json!([{"error": "argument 0 is not of the expected type"}])),
    ] {
        client
            .say(json!({"nsp": "/", "data": data, "id": 7, "type": 2, "options": {"compress": true}}))
            .await;
        client.expect(json!({"type": 3, "nsp": "/", "id": 7, "data": answer})).await;
    }
    client.say(json!({"type": 2, "nsp": "/", "data": ["ask", {"x": [1.5, null]}]})).await;
    client.expect(json!({"type": 2, "nsp": "/", "id": 0, "data": ["question", {"x": [1.5, null]}, 2]})).await;
    client.say(json!({"type": 3, "nsp": "/", "id": 0, "data": ["yes", "ignored"]})).await;
    client.expect(json!({"type": 2, "nsp": "/", "data": ["answered", "yes"]})).await;
}

#[tokio::test]
async fn namespaces_their_auth_and_refusals_are_as_with_the_default_parser() {
    let (io, _) = build(Io::builder(), PlainJson::default());
    io.of("/auth").middleware(async |socket: Socket| {
        let auth: Value = socket.auth().expect("auth is JSON");
        match auth["token"].as_str() {
            Some("secret") => Ok(()),
            _ => Err(ConnectError::new("no entry").data(json!({"retry": false, "was": auth}))),
        }
    });
    io.of_pattern("/team/{name}").on("whose", async |team: Namespace| team.name().to_owned());
    let mut client = Client::open(&io).await;
    client.say(json!({"type": 0, "nsp": "/auth", "data": {"token": [1]}})).await;
    let data = json!({"message": "no entry", "data": {"retry": false, "was": {"token": [1]}}});
    client.expect(json!({"type": 4, "nsp": "/auth", "data": data})).await;
    for unknown in ["/nowhere", "/a,b", "auth", ""] {
        client.say(json!({"type": 0, "nsp": unknown})).await;
        client.expect(json!({"type": 4, "nsp": unknown, "data": {"message": "Invalid namespace"}})).await;
    }
    client.say(json!({"type": 0, "nsp": "/auth", "data": {"token": "secret"}})).await;
    assert_eq!(client.hear().await["type"], 0);
    client.say(json!({"type": 0, "nsp": "/team/red"})).await;
    assert_eq!(client.hear().await["nsp"], "/team/red");
    client.say(json!({"type": 2, "nsp": "/team/red", "id": 0, "data": ["whose"]})).await;
    client.expect(json!({"type": 3, "nsp": "/team/red", "id": 0, "data": ["/team/red"]})).await;
    client.say(json!({"type": 1, "nsp": "/team/red"})).await;
    io.of("/auth").disconnect_sockets();
    client.expect(json!({"type": 1, "nsp": "/auth"})).await;
}

#[tokio::test]
async fn listeners_of_both_directions_and_packet_middlewares_see_events() {
    let (io, mut lines) = build(Io::builder(), PlainJson::default());
    io.on_any(async |name: EventName, rest: Rest, log: State<Log>| {
        let args: Vec<Value> = rest.0.iter().map(|data| data.get().expect("it is JSON")).collect();
        log.say(format!("in {} {}", name.0, json!(args)));
    });
    io.packet_middleware(|incoming| match incoming.name() {
        "blocked" => Err(HandlerError::new("blocked")),
        "rewrite" => Ok(incoming.rewrite("echo", &("changed", [1]))?),
        _ => Ok(()),
    });
    io.on_connect(async |socket: Socket, log: State<Log>| {
        let log = log.clone();
        socket.on_any_outgoing(move |_, outgoing| {
            log.say(format!("out {} {:?}", outgoing.name(), outgoing.args().iter().collect::<Vec<_>>()));
        });
    });
    io.on("echo", async |socket: Socket, text: String| {
        socket.emit("to one", (text, 1.5));
        socket.namespace().to(socket.id()).emit("to many", ());
    });
    let mut client = Client::join(&io).await;
    client.say(json!({"type": 2, "nsp": "/", "id": 1, "data": ["blocked"]})).await;
    client.expect(json!({"type": 3, "nsp": "/", "id": 1, "data": [{"error": "blocked"}]})).await;
    client.say(json!({"type": 2, "nsp": "/", "data": ["rewrite", "x"]})).await;
    client.expect(json!({"type": 2, "nsp": "/", "data": ["to one", "changed", 1.5]})).await;
    client.expect(json!({"type": 2, "nsp": "/", "data": ["to many"]})).await;
    lines.expect(&["in blocked []", "blocked failed: blocked", r#"in rewrite ["x"]"#]).await;
    lines.expect(&[r#"out to one ["\"changed\"", "1.5"]"#, "out to many []"]).await;
}

#[tokio::test]
async fn a_parser_that_panics_at_what_it_has_written_costs_the_listeners_that_event_and_nobody_else() {
    hush_panics();
    for builder in
        [Io::builder(), Io::builder().connection_state_recovery(roomcast::ConnectionStateRecovery::default())]
    {
        let (io, mut lines) = build(builder, PlainJson::default());
        io.on_connect(async |socket: Socket, log: State<Log>| {
            let log = log.clone();
            socket.on_any_outgoing(move |_, outgoing| log.say(format!("out {}", outgoing.name())));
        });
        let mut client = Client::join(&io).await;
        assert_eq!(io.emit("unreadable", 1).queued(), 1);
        assert_eq!(io.sockets()[0].emit("unreadable", 2).queued(), 1);
        assert_eq!(io.emit("readable", 3).queued(), 1);
        for name in ["unreadable", "unreadable", "readable"] {
            assert_eq!(client.hear().await["data"][0], name);
        }
        lines.expect(&["out readable"]).await;
    }
}

#[tokio::test]
async fn a_broadcast_is_encoded_once_and_gathers_its_answers() {
    let parser = PlainJson::default();
    let encoded = parser.encoded.clone();
    let (io, _) = build(Io::builder(), parser);
    let address = serve(&io).await;
    let mut clients = Vec::new();
    for _ in 0..3 {
        let mut client = Client(WebSocket::open(address).await);
        client.say(json!({"type": 0, "nsp": "/"})).await;
        client.hear().await;
        clients.push(client);
    }
    let before = encoded.load(Ordering::Relaxed);
    assert_eq!(io.volatile().emit("volatile", 1).queued(), 3);
    assert_eq!(io.latest("key").emit("latest", 2).queued(), 3);
    let answers = io.emit_with_ack::<i64>("ask", 3);
    assert_eq!(encoded.load(Ordering::Relaxed) - before, 3);
    for client in &mut clients {
        client.expect(json!({"type": 2, "nsp": "/", "data": ["volatile", 1]})).await;
        client.expect(json!({"type": 2, "nsp": "/", "data": ["latest", 2]})).await;
        client.expect(json!({"type": 2, "nsp": "/", "id": 0, "data": ["ask", 3]})).await;
        client.say(json!({"type": 3, "nsp": "/", "id": 0, "data": [4]})).await;
    }
    assert_eq!(answers.await.expect("all answer"), [4, 4, 4]);
}

#[tokio::test]
async fn a_packet_of_several_messages_stays_together_both_ways() {
    let (io, mut lines) = build(Io::builder(), Lettered);
    io.on_connect(async |socket: Socket, log: State<Log>| {
        let log = log.clone();
        socket.on_any_outgoing(move |_, outgoing| {
            log.say(format!("out {} {}", outgoing.name(), outgoing.args().len()));
        });
    });
    io.on("swap", async |socket: Socket, a: Binary, b: Binary| {
        socket.emit("swapped", (&b, "between", &a));
        (b, a)
    });
    let mut client = Client::lettered(&io).await;
    let both = r#"{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}"#;
    client.0.send(&format!(r#"42 e7 ["swap",{both}]"#)).await;
    client.0.send_binary(b"a").await;
    client.0.send_binary(b"b").await;
    let swapped = both.replace(",{", r#","between",{"#);
    client.0.expect(&[&format!(r#"42 e ["swapped",{swapped}]"#)]).await;
    client.0.expect_binary(b"b").await;
    client.0.expect_binary(b"a").await;
    client.0.expect(&[&format!("42 a7 [{both}]")]).await;
    client.0.expect_binary(b"b").await;
    client.0.expect_binary(b"a").await;
    lines.expect(&["out swapped 3"]).await;
}

#[tokio::test]
async fn a_decoder_that_holds_too_much_loses_its_connection() {
    let (io, mut lines) = build(Io::builder().max_payload(10).max_attachments(2), Lettered);
    let mut client = Client::lettered(&io).await;
    client.0.send(r#"49 e ["a"]"#).await;
    for _ in 0..3 {
        client.0.send_binary(b"0123456789").await;
    }
    assert!(client.0.closed().await.is_empty());
    lines.expect(&["error failed: attachments too large"]).await;
}

#[tokio::test(start_paused = true)]
async fn a_packet_that_stays_incomplete_loses_its_connection() {
    let (io, _) = build(Io::builder().ping_interval(std::time::Duration::from_secs(3600)), Lettered);
    let mut client = Client::lettered(&io).await;
    client.0.send(r#"41 e ["a"]"#).await;
    assert!(client.0.closed().await.is_empty());
}

#[tokio::test]
async fn what_the_decoder_refuses_closes_the_connection_after_the_error_hook() {
    hush_panics();
    for (message, told) in [
        ("4{", "error failed: EOF while parsing an object at line 1 column 1"),
        ("4panic", "error failed: the parser panicked"),
        (r#"4{"type":2,"nsp":"/","data":["disconnect"]}"#, "error failed: invalid payload"),
        (r#"4{"type":2,"nsp":"/","data":[]}"#, "error failed: invalid payload"),
        (r#"4{"type":2,"nsp":"/","data":[null]}"#, "error failed: invalid payload"),
        (r#"4{"type":2,"nsp":"/"}"#, "error failed: invalid payload"),
        (r#"4{"type":1,"nsp":"/","data":{}}"#, "error failed: invalid payload"),
        (r#"4{"type":0,"nsp":"/x","data":[]}"#, "error failed: invalid payload"),
        ("bAAAA", "error failed: binary message"),
    ] {
        let (io, mut lines) = build(Io::builder(), PlainJson::default());
        let mut client = Client::join(&io).await;
        match message.strip_prefix('b') {
            Some(_) => client.0.send_binary(b"\0").await,
            None => client.0.send(message).await,
        }
        assert!(client.0.closed().await.is_empty(), "{message}");
        lines.expect(&[told]).await;
    }
}

#[tokio::test]
async fn what_the_encoder_refuses_is_not_sent_and_told_to_whoever_emitted_it() {
    hush_panics();
    let (io, mut lines) = build(Io::builder(), PlainJson::default());
    io.on("try", async |socket: Socket| {
        let say = |event| socket.emit(event, 1).result().map_err(|error| error.to_string());
        [say("unsayable").is_err(), say("panic").is_err(), say("fine").is_err()]
    });
    let mut client = Client::join(&io).await;
    client.say(json!({"type": 2, "nsp": "/", "id": 0, "data": ["try"]})).await;
    client.expect(json!({"type": 2, "nsp": "/", "data": ["fine", 1]})).await;
    client.expect(json!({"type": 3, "nsp": "/", "id": 0, "data": [[true, true, false]]})).await;
    lines.expect(&["unsayable failed: the parser cannot write the event"]).await;
    lines.expect(&["panic failed: the parser cannot write the event"]).await;
}

#[tokio::test]
async fn a_parser_whose_decoder_cannot_be_made_closes_its_connections() {
    struct Stillborn;
    impl Parser for Stillborn {
        fn encode(&self, _: &Packet<'_>) -> Result<Encoded, ParserError> {
            Err(ParserError::new("never"))
        }
        fn decoder(&self, _: Limits) -> Box<dyn PacketDecoder> {
            panic!("on purpose")
        }
    }
    hush_panics();
    let (io, _) = build(Io::builder(), Stillborn);
    let mut client = Client::open(&io).await;
    client.0.send("40").await;
    assert!(client.0.closed().await.is_empty());
}
