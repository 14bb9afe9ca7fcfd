//! The chat that everyone knows: everybody, rooms, staff behind a password, teams at `/#name`.
use axum::{Router, response::Html, routing::get};
use roomcast::{ConnectError, HandlerError, Handlers, Incoming, Io, Namespace, Socket};
use std::{collections::VecDeque, sync::Mutex, time::Duration, time::Instant};

#[derive(serde::Deserialize)]
struct Login {
    nickname: String,
    password: Option<String>,
}

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let port = std::env::args().nth(1).unwrap_or_else(|| "3000".into());
    let old_clients = std::env::args().any(|option| option == "--allow-eio3");
    let io = Io::builder().allow_eio3(old_clients).build();
    chat(&io.of("/"));
    chat(&io.of_pattern("/team/{name}"));
    chat(io.of("/staff").middleware(async |login: Login| match login.password.as_deref() {
        Some("letmein") => Ok(()),
        _ => Err(ConnectError::new("wrong password")),
    }));
    let page = get(async || Html(include_str!("../public/index.html")));
    let listener = tokio::net::TcpListener::bind(format!("0.0.0.0:{port}")).await?;
    println!("listening on :{}", listener.local_addr()?.port());
    axum::serve(listener, Router::new().route("/", page).merge(io.router())).await
}

fn chat(channel: &Handlers) {
    channel.middleware(async |to: Namespace, by: Login| println!("{} enters {}", by.nickname, to.name()));
    channel.packet_middleware(five_messages_per_second);
    channel.on_connect(async |socket: Socket, namespace: Namespace, login: Login| {
        socket.emit("welcome", namespace.len());
        socket.broadcast().emit("joined", (&login.nickname, namespace.len()));
        socket.insert(login.nickname);
    });
    channel.on("message", async |socket: Socket, text: String, room: Option<String>| {
        let to = room.as_ref().map_or(socket.broadcast(), |room| socket.to(room));
        to.emit("message", (socket.get::<String>(), text, room));
    });
    channel.on("typing", async |socket: Socket| {
        socket.broadcast().volatile().emit("typing", socket.get::<String>());
    });
    channel.on("join", async |socket: Socket, room: String| socket.join(room));
    channel.on("leave", async |socket: Socket, room: String| socket.leave(room));
    channel.on_disconnect(async |socket: Socket, namespace: Namespace| {
        socket.broadcast().emit("left", (socket.get::<String>(), namespace.len()));
    });
}

fn five_messages_per_second(event: &mut Incoming) -> Result<(), HandlerError> {
    let recent = event.socket().get_or_insert_with(Mutex::<VecDeque<Instant>>::default);
    let mut recent = recent.lock()?;
    recent.retain(|sent| sent.elapsed() < Duration::from_secs(1));
    if event.name() == "message" && recent.len() == 5 {
        return Err(HandlerError::new("slow down: 5 messages per second"));
    }
    recent.extend((event.name() == "message").then(Instant::now));
    Ok(())
}
