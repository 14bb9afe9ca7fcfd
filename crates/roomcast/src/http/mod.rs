//! The street door: HTTP requests come in here and become sessions, polls, posts and WebSockets.

// What a request says, and what the program has to say about it.
mod handshake;
mod hooks;
mod http_request;
mod http_response;
mod origin;
mod query;
mod refused;

// What is answered, in the reference's exact words.
mod body;
mod compression;
mod cookie;
mod cors;
mod encoding;
mod reply;

// The requests of the protocol ...
mod jsonp;
mod polling;
mod request;
mod websocket;

#[cfg(feature = "webtransport")]
pub(crate) mod webtransport;

// ... and the files beside it.
mod serve_client;

// Ways to stand in a program: an own listener, a tower service or layer, an axum router.
mod listen;
#[cfg(unix)]
mod listen_unix;
mod service;
mod write_deadline;

pub use body::ResponseBody;
pub use cookie::{Cookie, CookiePriority, SameSite};
pub use cors::{AllowOrigin, Cors};
pub use handshake::Handshake;
pub use http_request::HttpRequest;
pub use http_response::HttpResponse;
pub use origin::OriginPolicy;
pub use refused::{ConnectionRefused, RefusalContext};
pub use service::{Layered, RoomcastLayer, RoomcastService};

pub(crate) use hooks::{Decision, HttpHooks};
#[cfg(feature = "tls")]
pub(crate) use listen::tls;
pub(crate) use listen::{Plain, bind, listen};
#[cfg(unix)]
pub(crate) use listen_unix::listen_unix;
pub(crate) use request::Acceptor;
