//! Every scenario, short and small, against a server in this process: clean when the server does what it should, and
//! an error when it does not.
#![expect(clippy::unwrap_used, reason = "what helps a test may fail it")]

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use roomcast::parser::MessagePack;
use roomcast::{
    Ack, ConnectionStateRecovery, Data, Handlers, Io, Namespace, PerMessageDeflate, Socket, Transport,
};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

/// A server that knows all events of the load, in every namespace.
fn subject() -> Io {
    let io = Io::builder().ping_interval(Duration::from_millis(200)).max_payload(2_000_000).build();
    declare(&io.of("/"));
    declare(&io.of_pattern("/{name}"));
    io
}

fn declare(io: &Handlers) {
    io.on("broadcast", async |namespace: Namespace, payload: Data| {
        namespace.emit("msg", payload);
    });
    io.on("join", async |socket: Socket, room: String| socket.join(room));
    io.on("rooms", async |socket: Socket, rooms: Vec<String>| {
        rooms.into_iter().for_each(|room| socket.join(room))
    });
    io.on("leave", async |socket: Socket, room: String| socket.leave(room));
    io.on("room", async |socket: Socket, room: String, payload: Data| {
        socket.to(room).emit("msg", payload);
    });
    io.on("except", async |namespace: Namespace, rooms: Vec<String>, payload: Data| {
        namespace.except(rooms).emit("msg", payload);
    });
    io.on("echo", async |payload: Data| payload);
}

/// What servers show; nobody looks who has signed it.
fn certificate() -> Arc<ServerConfig> {
    let certified = rcgen::generate_simple_self_signed(vec!["localhost".into()]).unwrap();
    let key = PrivateKeyDer::try_from(certified.signing_key.serialize_der()).unwrap();
    let config = ServerConfig::builder().with_no_client_auth();
    Arc::new(config.with_single_cert(vec![certified.cert.der().clone()], key).unwrap())
}

/// A server in the background, and how the load is run against it.
struct Subject {
    address: SocketAddr,
    tls: bool,
    _runtime: Runtime,
}

impl Subject {
    fn serve(io: &Io) -> Self {
        let (runtime, listener) = listen();
        let (address, io) = (listener.local_addr().unwrap(), io.clone());
        runtime.spawn(async move { io.serve(listener).await });
        Self { address, tls: false, _runtime: runtime }
    }

    fn serve_tls(io: &Io) -> Self {
        let config = certificate();
        let (runtime, listener) = listen();
        let (address, io) = (listener.local_addr().unwrap(), io.clone());
        runtime.spawn(async move { io.serve_tls(listener, config).await });
        Self { address, tls: true, _runtime: runtime }
    }

    /// On UDP alone.
    fn serve_webtransport(io: &Io) -> Self {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let (address, io, config) = (socket.local_addr().unwrap(), io.clone(), certificate());
        let runtime = Runtime::new().unwrap();
        runtime.spawn(async move { io.serve_webtransport(socket, config).await.unwrap() });
        Self { address, tls: false, _runtime: runtime }
    }

    /// Runs the load; its report and whether its exit code is 0.
    fn load(&self, arguments: &str) -> (Value, bool) {
        let output = Command::new(env!("CARGO_BIN_EXE_load"))
            .args(arguments.split_whitespace())
            .args(["--port", &self.address.port().to_string(), "--pid", &std::process::id().to_string()])
            .args(["--warmup", "0.05"])
            .args(self.tls.then_some("--tls"))
            .output()
            .unwrap();
        (serde_json::from_slice(&output.stdout).unwrap(), output.status.success())
    }

    /// Runs the load, in which nothing may be wrong; its report.
    fn clean(&self, arguments: &str) -> Value {
        let (report, success) = self.load(arguments);
        assert!(success && report["errors"].as_array().unwrap().is_empty(), "{arguments}: {report}");
        assert!(report["units"].as_u64().unwrap() > 0, "{arguments}: {report}");
        report
    }

    /// Runs the load, in which something must be wrong; all that it says.
    fn wrong(&self, arguments: &str) -> String {
        let (report, success) = self.load(arguments);
        let errors = report["errors"].as_array().unwrap();
        assert!(!success && !errors.is_empty(), "{arguments}: {report}");
        errors.iter().map(|error| error.as_str().unwrap()).collect::<Vec<_>>().join("; ")
    }
}

fn listen() -> (Runtime, TcpListener) {
    let runtime = Runtime::new().unwrap();
    let listener = runtime.block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))).unwrap();
    (runtime, listener)
}

#[test]
fn every_scenario_is_clean_against_a_server_that_works() {
    let subject = Subject::serve(&subject());
    for arguments in [
        "idle --clients 20",
        "connect --clients 100",
        "churn --clients 100",
        "heartbeat --clients 20 --seconds 0.5",
        "fanout --clients 21 --seconds 0.2",
        "fanout --clients 21 --inflight 32 --seconds 0.2",
        "fanout --clients 3 --size 1048576 --inflight 2 --seconds 0.2",
        "forms --clients 11 --inflight 3 --seconds 0.2",
        "rooms --clients 60 --members 6 --seconds 0.2",
        "rooms --clients 60 --rooms 10 --inflight 32 --seconds 0.2",
        "rooms --clients 60 --rooms 20 --namespaces 7 --inflight 32 --seconds 0.2",
        "manyrooms --clients 60 --rooms 400 --seconds 0.2 --inflight 4",
        "onesocket --clients 11 --rooms 50 --seconds 0.2",
        "except --clients 30 --rooms 10 --seconds 0.2",
        "presence --clients 100 --rooms 10",
        "echo --clients 5 --seconds 0.2",
        "echo --clients 5 --inflight 16 --seconds 0.2",
        "attachment --clients 3 --seconds 0.2",
        "polling --clients 5 --seconds 0.2",
        "latency --clients 5 --rate 500 --seconds 0.2",
        "latency --broadcast --clients 20 --rate 100 --seconds 0.2",
        "slow --clients 20 --size 1000 --seconds 0.3",
    ] {
        subject.clean(arguments);
    }
}

#[test]
fn every_form_is_clean_against_a_server_that_speaks_it_and_an_error_else() {
    let builder = || Io::builder().ping_interval(Duration::from_millis(200));
    let forms = [
        ("deflate", builder().per_message_deflate(PerMessageDeflate::default())),
        ("msgpack", builder().parser(MessagePack)),
        ("recovery", builder().connection_state_recovery(ConnectionStateRecovery::default())),
    ];
    let plain = Subject::serve(&subject());
    for (form, builder) in forms {
        let io = builder.build();
        declare(&io.of("/"));
        let arguments = format!("forms --form {form} --size 1500 --clients 11 --inflight 3 --seconds 0.3");
        Subject::serve(&io).clean(&arguments);
        let (report, passed) = plain.load(&arguments);
        assert!(!passed && !report["errors"].as_array().unwrap().is_empty(), "{form}: {report}");
    }
}

#[test]
fn a_fan_out_over_webtransport_is_clean() {
    let transports = [Transport::Polling, Transport::WebSocket, Transport::WebTransport];
    let io = Io::builder().transports(&transports).build();
    declare(&io.of("/"));
    Subject::serve_webtransport(&io).clean("webtransport --clients 5 --inflight 3 --seconds 0.2");
}

#[test]
fn a_report_says_what_was_asked_and_what_it_cost() {
    let report = Subject::serve(&subject()).clean("rooms --clients 20 --members 5 --seconds 0.2");
    assert_eq!((&report["scenario"], &report["unit"]), (&"rooms".into(), &"delivery".into()));
    assert_eq!((&report["params"]["rooms"], &report["params"]["size"]), (&4.into(), &64.into()));
    for field in
        ["server_cpu_ns", "server_cpu_ns_per_unit", "load_cpu_ns_per_unit", "load_share", "rss_after_kib"]
    {
        assert!(report[field].as_f64().unwrap() > 0.0, "{field} in {report}");
    }
    let percentiles = &report["latency_us"];
    assert!(percentiles["p50"].as_f64() <= percentiles["max"].as_f64(), "{report}");
}

#[test]
fn many_rooms_and_slow_readers_report_what_only_they_know() {
    let subject = Subject::serve(&subject());
    let report = subject.clean("manyrooms --clients 60 --rooms 400 --seconds 0.1");
    assert_eq!(report["memberships"], 1_200);
    let report = subject.clean("slow --clients 20 --size 1000 --seconds 0.2");
    assert_eq!((&report["slow"]["clients"], &report["slow"]["caught_up"]), (&1.into(), &1.into()));
}

#[test]
fn a_slow_reader_that_is_closed_is_no_fault_and_how_it_ended_is_told() {
    let io = Io::builder().max_outbox(4 * 1024 * 1024).build();
    declare(&io.of("/"));
    // 26 MB, more than that and the kernel's buffers of both ends hold.
    let report = Subject::serve(&io).clean("slow --clients 4 --size 65536 --rate 400 --seconds 1");
    assert_eq!((&report["slow"]["clients"], &report["slow"]["closed"]), (&1.into(), &1.into()), "{report}");
    let ends = report["slow"]["reasons"].as_object().unwrap();
    assert!(ends.values().eq([&Value::from(1)]), "{report}");
}

#[test]
fn the_scenarios_work_over_tls() {
    let subject = Subject::serve_tls(&subject());
    for arguments in [
        "connect --clients 20",
        "churn --clients 20",
        "fanout --clients 11 --inflight 32 --seconds 0.2",
        "echo --clients 5 --seconds 0.2",
        "attachment --clients 2 --seconds 0.2",
        "polling --clients 2 --seconds 0.2",
    ] {
        subject.clean(arguments);
    }
}

#[test]
fn a_server_that_delivers_twice_fails_the_run() {
    let io = Io::new();
    io.on("broadcast", async |io: Io, payload: Data| {
        io.emit("msg", payload.clone());
        io.emit("msg", payload);
    });
    let error = Subject::serve(&io).wrong("fanout --clients 5 --seconds 0.1");
    assert!(error.contains("messages doubled"), "{error}");
}

#[test]
fn a_server_that_alters_a_message_fails_the_run() {
    let io = Io::new();
    io.on("echo", async |text: String| text.replace('q', "Q"));
    let error = Subject::serve(&io).wrong("echo --clients 2 --seconds 0.1 --patience 0.3");
    assert!(error.contains("2 messages altered") && error.contains("2 messages lost"), "{error}");
}

#[test]
fn a_server_that_sends_to_the_wrong_room_fails_the_run() {
    let io = Io::new();
    io.on("join", async |socket: Socket, room: String| socket.join(room));
    io.on("room", async |socket: Socket, _room: String, payload: Data| {
        socket.broadcast().emit("msg", payload);
    });
    let error = Subject::serve(&io).wrong("rooms --clients 20 --rooms 4 --seconds 0.1");
    // One that comes when its slot has the next message already looks like a late copy.
    assert!(error.contains("messages stray") || error.contains("messages doubled"), "{error}");
}

#[test]
fn a_server_that_mixes_namespaces_up_fails_the_run() {
    let io = Io::new();
    for namespace in ["/", "/n1"] {
        let namespace = io.of(namespace);
        namespace.on("join", async |socket: Socket, room: String| socket.join(room));
        namespace.on("room", async |io: Io, own: Namespace, _room: String, payload: Data| {
            io.of(if own.name() == "/" { "/n1" } else { "/" }).emit("msg", payload);
        });
    }
    let error = Subject::serve(&io).wrong("rooms --clients 20 --rooms 4 --namespaces 2 --patience 0.3");
    assert!(error.contains("stalled") && error.contains("messages stray"), "{error}");
}

#[test]
fn a_server_that_answers_nothing_ends_the_run_with_an_error() {
    let io = Io::new();
    io.on("echo", async |_ack: Ack| {});
    for arguments in ["echo --clients 2", "polling --clients 2", "attachment --clients 2"] {
        let error = Subject::serve(&io).wrong(&format!("{arguments} --patience 0.3"));
        assert!(error.starts_with("stalled"), "{arguments}: {error}");
    }
}

#[test]
fn a_server_that_closes_connections_ends_the_run_with_an_error() {
    let io = Io::new();
    io.on("broadcast", async |io: Io| io.close().await);
    let error = Subject::serve(&io).wrong("fanout --clients 5");
    assert!(error.starts_with("closed by the server"), "{error}");
}
