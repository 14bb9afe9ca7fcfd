//! Acknowledgements that the server waits for, from one client and from many.
#![expect(clippy::unwrap_used, reason = "what helps a test may fail it")]

mod support;

use std::time::Duration;

use roomcast::{AckError, Binary, EmitError, Io, Socket, Value};

use support::{WebSocket, answer_sync, serve, soon, until};

const SHORT: Duration = Duration::from_millis(50);

/// A server and one socket of it, from both sides.
async fn one() -> (Io, WebSocket, Socket) {
    let io = Io::new();
    answer_sync(&io);
    let (client, id) = WebSocket::join(serve(&io).await, "/").await;
    let socket = io.socket(&id).unwrap();
    (io, client, socket)
}

async fn three() -> (Io, [WebSocket; 3]) {
    let io = Io::new();
    let address = serve(&io).await;
    let clients = [
        WebSocket::connect(address).await,
        WebSocket::connect(address).await,
        WebSocket::connect(address).await,
    ];
    until("all are in", || io.len() == 3).await;
    (io, clients)
}

#[tokio::test]
async fn the_first_argument_of_the_answer_is_the_value() {
    let (_io, mut client, socket) = one().await;
    let sum = socket.emit_with_ack::<i64>("add", (1, 2));
    let nothing = socket.emit_with_ack::<()>("nothing", ());
    let none = socket.emit_with_ack::<Option<u8>>("none", ());
    let data = socket.emit_with_ack::<Binary>("data", ());
    client.expect(&[r#"420["add",1,2]"#, r#"421["nothing"]"#, r#"422["none"]"#, r#"423["data"]"#]).await;
    // In another order than asked, with an answer to no question among them.
    client.send(r#"461-3[{"_placeholder":true,"num":0}]"#).await;
    client.send_binary(b"abc").await;
    client.send(r#"4399["nobody asked"]"#).await;
    client.send("432[]").await;
    client.send("431[]").await;
    client.send("430[3,4]").await;
    assert_eq!(soon("the sum", sum).await.unwrap(), 3);
    soon("nothing", nothing).await.unwrap();
    assert_eq!(soon("none", none).await.unwrap(), None);
    assert_eq!(&soon("data", data).await.unwrap()[..], b"abc");
}

#[tokio::test]
async fn all_arguments_of_an_answer_can_be_had() {
    let (_io, mut client, socket) = one().await;
    let pair = socket.emit_with_ack::<(Binary, u8)>("pair", ()).all_args();
    let list = socket.emit_with_ack::<Vec<u8>>("list", ()).all_args();
    let none = socket.emit_with_ack::<[u8; 0]>("none", ()).all_args();
    let wrong = socket.emit_with_ack::<(u8, u8)>("wrong", ()).all_args();
    client.expect(&[r#"420["pair"]"#, r#"421["list"]"#, r#"422["none"]"#, r#"423["wrong"]"#]).await;
    client.send(r#"461-0[{"_placeholder":true,"num":0},7]"#).await;
    client.send_binary(b"abc").await;
    client.send("431[1,2,3]").await;
    client.send("432[]").await;
    client.send("433[1]").await;
    let (data, number) = soon("the pair", pair).await.unwrap();
    assert_eq!((&data[..], number), (b"abc".as_slice(), 7));
    assert_eq!(soon("the list", list).await.unwrap(), [1, 2, 3]);
    assert_eq!(soon("none", none).await.unwrap(), [0; 0]);
    assert!(matches!(soon("the wrong one", wrong).await, Err(AckError::Answer(_))));
}

#[tokio::test]
async fn an_answer_that_is_late_or_of_another_type_is_an_error() {
    let (_io, mut client, socket) = one().await;
    let late = socket.timeout(SHORT).emit_with_ack::<u8>("late", ());
    assert!(matches!(soon("the timeout", late).await, Err(AckError::Timeout)));
    let wrong = socket.timeout(support::DEADLINE).emit_with_ack::<u8>("wrong", ());
    client.expect(&[r#"420["late"]"#, r#"421["wrong"]"#]).await;
    client.send("430[1]").await;
    client.send(r#"431["text"]"#).await;
    assert!(matches!(soon("the answer", wrong).await, Err(AckError::Answer(_))));
    assert!(socket.is_connected());
    client.expect_nothing().await;
}

#[tokio::test]
async fn who_leaves_answers_no_more() {
    let (_io, mut client, socket) = one().await;
    let waiting = socket.emit_with_ack::<u8>("question", ());
    client.send("41").await;
    assert!(matches!(soon("the end", waiting).await, Err(AckError::Disconnected)));
    let gone = soon("the refusal", socket.emit_with_ack::<u8>("question", ())).await;
    assert!(matches!(gone, Err(AckError::Emit(EmitError::Disconnected))));
    let reserved = soon("the refusal", socket.emit_with_ack::<u8>("connect", ())).await;
    assert!(matches!(reserved, Err(AckError::Emit(EmitError::ReservedEvent))));
}

#[tokio::test]
async fn a_handler_can_wait_for_an_answer_of_its_own_client() {
    let io = Io::new();
    io.on("ask back", async |socket: Socket| {
        let name: String = socket.emit_with_ack("who", ()).await.unwrap();
        format!("hello {name}")
    });
    let mut client = WebSocket::connect(serve(&io).await).await;
    client.send(r#"427["ask back"]"#).await;
    client.expect(&[r#"420["who"]"#]).await;
    client.send(r#"430["Ada"]"#).await;
    client.expect(&[r#"437["hello Ada"]"#]).await;
}

#[tokio::test]
async fn all_answers_to_a_broadcast_come_together() {
    let (io, mut clients) = three().await;
    let answers = io.emit_with_ack::<u32>("number", "please");
    for (n, client) in clients.iter_mut().enumerate() {
        client.expect(&[r#"420["number","please"]"#]).await;
        client.send(&format!("430[{n},\"more\"]")).await;
    }
    let mut answers = soon("the answers", answers).await.unwrap();
    answers.sort_unstable();
    assert_eq!(answers, [0, 1, 2]);
}

#[tokio::test]
async fn a_broadcast_to_nobody_is_complete_at_once() {
    let (io, _clients) = three().await;
    let answers = soon("no answers", io.to("nowhere").emit_with_ack::<u32>("number", ())).await;
    assert!(answers.unwrap().is_empty());
}

#[tokio::test]
async fn who_is_late_leaves_the_answers_of_the_others() {
    let (io, mut clients) = three().await;
    let answers = io.timeout(SHORT).emit_with_ack::<String>("name", ());
    for client in &mut clients[..2] {
        client.send(r#"430["here"]"#).await;
    }
    let error = soon("the timeout", answers).await.unwrap_err();
    assert!(matches!(error.error, AckError::Timeout));
    assert_eq!(error.responses, ["here", "here"]);
}

#[tokio::test]
async fn who_leaves_or_answers_wrongly_leaves_the_answers_of_the_others() {
    let (io, [mut first, mut second, mut third]) = three().await;
    let answers = io.emit_with_ack::<u8>("number", ());
    first.send("430[1]").await;
    second.send("41").await;
    third.send("430[3]").await;
    let error = soon("the end", answers).await.unwrap_err();
    assert!(matches!(error.error, AckError::Disconnected));
    assert_eq!(error.responses.iter().sum::<u8>(), 4);
    let answers = io.emit_with_ack::<u8>("number", ());
    first.send("431[1]").await;
    third.send(r#"431["three"]"#).await;
    let error = soon("the end", answers).await.unwrap_err();
    assert!(matches!(error.error, AckError::Answer(_)));
    assert_eq!(error.responses, [1]);
}

#[tokio::test]
async fn numbers_of_questions_are_those_of_the_namespace_and_never_confused() {
    let (io, [mut first, _second, _third]) = three().await;
    let sockets = io.fetch_sockets().await.unwrap();
    let to_all = io.emit_with_ack::<Value>("all", ());
    let questions: Vec<_> =
        sockets.iter().map(|socket| socket.as_local().unwrap().emit_with_ack::<Value>("one", ())).collect();
    // The first client was asked two questions; the numbers of the others' mean nothing from it.
    assert_eq!(first.text().await, r#"420["all"]"#);
    let own = first.text().await;
    let number: u64 = own["42".len()..own.find('[').unwrap()].parse().unwrap();
    assert!((1..=3).contains(&number));
    for other in (1..=3).filter(|other| *other != number) {
        first.send(&format!(r#"43{other}["stolen"]"#)).await;
    }
    first.send(&format!(r#"43{number}["own"]"#)).await;
    let answered = futures_util::future::select_all(questions);
    let (answer, _, others) = soon("the answer", answered).await;
    assert_eq!(answer.unwrap(), Value::from("own"));
    drop((others, to_all));
}
