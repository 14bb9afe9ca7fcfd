//! What the program wants to have a say in when requests come in.
//!
//! In: a request, and where the engine stands with it. Out: the program's decision. What is odd: all of these are user code, so
//! a panic in one is that request's misfortune and nobody else's; where it was to decide, it has refused.

use std::fmt;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;

use futures_util::FutureExt;
use http::HeaderMap;
use proto::engine::HandshakeError;

use super::http_request::HttpRequest;
use super::http_response::HttpResponse;
use super::origin::OriginPolicy;
use super::refused::ConnectionRefused;
use super::reply::Reply;
use crate::HandlerError;

pub(crate) type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;
type Middleware = dyn Fn(HttpRequest, HttpResponse) -> BoxFuture<Result<(), HandlerError>> + Send + Sync;
type DecideAtOnce<T> = dyn Fn(&HttpRequest) -> Result<T, String> + Send + Sync;
type DecideLater<T> = dyn Fn(HttpRequest) -> BoxFuture<Result<T, String>> + Send + Sync;
type HeaderHook = dyn Fn(&mut HeaderMap, &HttpRequest) + Send + Sync;
type RefusedHook = dyn Fn(&ConnectionRefused) + Send + Sync;

/// The functions of the program, most of them unset.
#[derive(Default)]
pub(crate) struct HttpHooks {
    pub(crate) middlewares: Vec<Box<Middleware>>,
    pub(crate) origins: Option<OriginPolicy>,
    pub(crate) allow: Option<Decision<()>>,
    pub(crate) generate_id: Option<Decision<String>>,
    pub(crate) initial_headers: Vec<Box<HeaderHook>>,
    pub(crate) headers: Vec<Box<HeaderHook>>,
    pub(crate) refused: Vec<Box<RefusedHook>>,
}

/// A function that decides about a request, at once or later.
pub(crate) enum Decision<T> {
    AtOnce(Box<DecideAtOnce<T>>),
    Later(Box<DecideLater<T>>),
}

impl<T> Decision<T> {
    /// What it says; `Err(None)` if it panicked.
    pub(super) async fn ask(&self, request: &HttpRequest) -> Result<T, Option<String>> {
        let asked = match self {
            Self::AtOnce(decide) => catch_unwind(AssertUnwindSafe(|| decide(request))),
            Self::Later(decide) => {
                let request = request.clone();
                AssertUnwindSafe(async move { decide(request).await }).catch_unwind().await
            }
        };
        asked
            .map_err(|_| tracing::error!("a function that decides about requests panicked"))
            .map_or(Err(None), |decided| decided.map_err(Some))
    }
}

impl HttpHooks {
    /// Runs the middlewares in order. Gives the headers of the answer, and the answer where one of them gave it. JS:
    /// `engine.use`.
    pub(super) async fn run_middlewares(
        &self,
        request: &HttpRequest,
        headers: HeaderMap,
    ) -> (HeaderMap, Result<Option<Reply>, HandshakeError>) {
        if self.middlewares.is_empty() {
            return (headers, Ok(None));
        }
        let response = HttpResponse::new(headers);
        for middleware in &self.middlewares {
            // The call itself may panic, too, so it is made inside.
            let asked = AssertUnwindSafe(async { middleware(request.clone(), response.clone()).await });
            let asked = asked.catch_unwind().await;
            let failure = match asked {
                Ok(Ok(())) => None,
                Ok(Err(error)) => Some(error.to_string()),
                Err(_) => {
                    tracing::error!("a middleware of the engine panicked");
                    Some("the middleware panicked".to_owned())
                }
            };
            if response.is_ended() {
                break;
            }
            if let Some(text) = failure {
                return (response.take().0, Err(HandshakeError::MiddlewareFailure(text)));
            }
        }
        let (headers, reply) = response.take();
        (headers, Ok(reply))
    }

    /// Shows the headers of an answer to those who may change them. JS: the events `initial_headers` and `headers`.
    pub(super) fn show_headers(&self, headers: &mut HeaderMap, request: &HttpRequest) {
        if self.initial_headers.is_empty() && self.headers.is_empty() {
            return;
        }
        let initial = if request.is_initial() { &self.initial_headers[..] } else { &[] };
        for hook in initial.iter().chain(&self.headers) {
            if catch_unwind(AssertUnwindSafe(|| hook(headers, request))).is_err() {
                tracing::error!("a function for headers panicked");
            }
        }
    }

    /// Tells of a refusal. JS: the event `connection_error`.
    pub(super) fn tell_refused(&self, refused: impl FnOnce() -> ConnectionRefused) {
        if self.refused.is_empty() {
            return;
        }
        let refused = refused();
        for hook in &self.refused {
            if catch_unwind(AssertUnwindSafe(|| hook(&refused))).is_err() {
                tracing::error!("a function for refusals panicked");
            }
        }
    }
}

impl fmt::Debug for HttpHooks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpHooks")
            .field("middlewares", &self.middlewares.len())
            .field("origins", &self.origins)
            .finish_non_exhaustive()
    }
}
