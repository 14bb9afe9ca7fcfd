//! Roomcast as a tower service and as a layer around another service.

use std::convert::Infallible;
use std::fmt::Display;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::{Buf, Bytes};
use http::{Request, Response};
use http_body::Body;
use http_body_util::BodyExt;
use http_body_util::combinators::UnsyncBoxBody;
use tower_layer::Layer;
use tower_service::Service;

use super::ResponseBody;
use super::body::Never;
use super::hooks::BoxFuture;
use super::reply::{self, Reply};
use super::request::{Acceptor, handle};

type BoxBody = UnsyncBoxBody<Bytes, String>;

/// The server behind a service, whatever its sessions carry.
trait Door: Send + Sync {
    fn path(&self) -> &str;
    fn handle(&self, request: Request<BoxBody>) -> BoxFuture<Result<Reply, Infallible>>;
}

impl<A: Acceptor> Door for A {
    fn path(&self) -> &str {
        &self.core().config.path
    }

    fn handle(&self, request: Request<BoxBody>) -> BoxFuture<Result<Reply, Infallible>> {
        handle(self.clone(), request)
    }
}

/// A tower service that answers the requests below the server's path and 404 to all others.
///
/// For plain hyper, wrap it in `hyper_util::service::TowerToHyperService` and serve connections `with_upgrades`.
#[derive(Clone)]
pub struct RoomcastService(Arc<dyn Door>);

/// A tower layer: the requests below the server's path are Roomcast's, all others the inner service's.
#[derive(Clone)]
pub struct RoomcastLayer(RoomcastService);

/// A service with Roomcast in front of it.
#[derive(Clone)]
pub struct Layered<S> {
    own: RoomcastService,
    inner: S,
}

impl RoomcastService {
    pub(crate) fn new(acceptor: impl Acceptor) -> Self {
        Self(Arc::new(acceptor))
    }

    /// Whether a request is for Roomcast.
    fn owns<B>(&self, request: &Request<B>) -> bool {
        // A plain prefix test, as in the reference.
        request.uri().path().starts_with(self.0.path())
    }

    fn answer<B>(&self, request: Request<B>) -> BoxFuture<Result<Reply, Infallible>>
    where
        B: Body + Send + 'static,
        B::Data: Buf + Send,
        B::Error: Display,
    {
        let body = |body: B| {
            let body =
                body.map_frame(|frame| frame.map_data(|mut data| data.copy_to_bytes(data.remaining())));
            body.map_err(|error| error.to_string()).boxed_unsync()
        };
        self.0.handle(request.map(body))
    }
}

impl RoomcastLayer {
    pub(crate) fn new(service: RoomcastService) -> Self {
        Self(service)
    }
}

impl<B> Service<Request<B>> for RoomcastService
where
    B: Body + Send + 'static,
    B::Data: Buf + Send,
    B::Error: Display,
{
    type Response = Response<ResponseBody<Never>>;
    type Error = Infallible;
    type Future = BoxFuture<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        if !self.owns(&request) {
            return Box::pin(async { Ok(reply::empty(http::StatusCode::NOT_FOUND)) });
        }
        self.answer(request)
    }
}

impl<S> Layer<S> for RoomcastLayer {
    type Service = Layered<S>;

    fn layer(&self, inner: S) -> Layered<S> {
        Layered { own: self.0.clone(), inner }
    }
}

impl<S, B, R> Service<Request<B>> for Layered<S>
where
    S: Service<Request<B>, Response = Response<R>>,
    S::Future: Send + 'static,
    B: Body + Send + 'static,
    B::Data: Buf + Send,
    B::Error: Display,
{
    type Response = Response<ResponseBody<R>>;
    type Error = S::Error;
    type Future = BoxFuture<Result<Self::Response, S::Error>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        if !self.own.owns(&request) {
            let response = self.inner.call(request);
            return Box::pin(async { Ok(response.await?.map(ResponseBody::Other)) });
        }
        let reply = self.own.answer(request);
        Box::pin(async {
            let Ok(reply) = reply.await;
            Ok(reply.map(|body| match body {
                ResponseBody::Own(bytes) => ResponseBody::Own(bytes),
                ResponseBody::Other(never) => match never {},
            }))
        })
    }
}
