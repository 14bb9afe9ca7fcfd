//! The client's files below the path: `/socket.io/socket.io.js` and its siblings.
//!
//! They come from a folder of the official bundles, or from Roomcast's own small client, which is part of the program.
//! What is odd: a name that is not there is left to the engine, which answers 400, as the reference does.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Write;
use std::path::PathBuf;
use std::sync::{Arc, LazyLock};

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::header::{
    CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, ETAG, IF_NONE_MATCH, VARY,
};
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use parking_lot::Mutex;

use super::ResponseBody;
use super::encoding::Encoding;
use super::reply::{self, Reply};
use crate::config::{EngineConfig, ServeClient};

/// Roomcast's own client, an ES module.
const CLIENT: &str = include_str!("../../../../clients/web/roomcast.js");
/// Marks the lines that only a module has; the classic script has a global `io` instead.
const MODULE_ONLY: &str = "// module-only";

/// The official names.
const NAMES: [&str; 8] = [
    "socket.io.js",
    "socket.io.js.map",
    "socket.io.min.js",
    "socket.io.min.js.map",
    "socket.io.msgpack.min.js",
    "socket.io.msgpack.min.js.map",
    "socket.io.esm.min.js",
    "socket.io.esm.min.js.map",
];

/// One file, ready to send.
struct Asset {
    content_type: &'static str,
    etag: HeaderValue,
    plain: Bytes,
    gzip: Bytes,
}

/// Files are read once: a bundle does not change under a running server.
static FROM_FOLDERS: LazyLock<Mutex<HashMap<PathBuf, Arc<Asset>>>> = LazyLock::new(Mutex::default);
static CLASSIC: LazyLock<Arc<Asset>> =
    LazyLock::new(|| Arc::new(Asset::new("socket.io.js", classic().into())));
static MODULE: LazyLock<Arc<Asset>> =
    LazyLock::new(|| Arc::new(Asset::new("socket.io.esm.min.js", module().into())));

/// The reply, if the request names one of the files.
pub(super) async fn reply(config: &EngineConfig, path: &str, headers: &HeaderMap) -> Option<Reply> {
    let name = path.strip_prefix(&config.path)?;
    let name = NAMES.into_iter().find(|known| *known == name)?;
    let asset = match &config.serve_client {
        ServeClient::No => return None,
        ServeClient::Folder(folder) => from_folder(folder.join(name), name).await?,
        ServeClient::Embedded => match name {
            "socket.io.js" | "socket.io.min.js" => CLASSIC.clone(),
            "socket.io.esm.min.js" => MODULE.clone(),
            _ => return None,
        },
    };
    Some(asset.reply(headers))
}

/// The module as it is served: without comments, indents and empty lines, which a third of it is.
fn module() -> String {
    let lines = CLIENT.lines().map(str::trim).filter(|line| !line.is_empty());
    let code = lines.filter(|line| !["//", "/*", "*"].iter().any(|comment| line.starts_with(comment)));
    code.flat_map(|line| [line, "\n"]).collect()
}

/// The module as a classic script with a global `io`.
fn classic() -> String {
    let module = module();
    let body: String =
        module.split_inclusive('\n').filter(|line| !line.trim_end().ends_with(MODULE_ONLY)).collect();
    format!("globalThis.io = (() => {{ \"use strict\";\n{body}return io; }})();\n")
}

async fn from_folder(path: PathBuf, name: &str) -> Option<Arc<Asset>> {
    if let Some(asset) = FROM_FOLDERS.lock().get(&path) {
        return Some(asset.clone());
    }
    let read = path.clone();
    let content = tokio::task::spawn_blocking(move || std::fs::read(read)).await.ok()?;
    let content = match content {
        Ok(content) => content,
        Err(error) => {
            tracing::warn!(%error, path = %path.display(), "client bundle not found");
            return None;
        }
    };
    let asset = Arc::new(Asset::new(name, content.into()));
    FROM_FOLDERS.lock().insert(path, asset.clone());
    Some(asset)
}

impl Asset {
    fn new(name: &str, plain: Bytes) -> Self {
        let content_type = match name.ends_with(".map") {
            true => "application/json; charset=utf-8",
            false => "application/javascript; charset=utf-8",
        };
        let mut hasher = DefaultHasher::new();
        plain.hash(&mut hasher);
        let etag = format!("\"{}-{:016x}\"", env!("CARGO_PKG_VERSION"), hasher.finish());
        let etag = HeaderValue::try_from(etag).expect("a version and hexadecimal digits are a header value");
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        let gzip =
            encoder.write_all(&plain).and_then(|()| encoder.finish()).expect("a Vec takes every write");
        Self { content_type, etag, plain, gzip: gzip.into() }
    }

    fn reply(&self, request: &HeaderMap) -> Reply {
        if request.get(IF_NONE_MATCH).is_some_and(|value| self.matches(value)) {
            return reply::empty(StatusCode::NOT_MODIFIED);
        }
        let gzip = Encoding::choose(request, &[Encoding::Gzip]).is_some();
        let body = if gzip { &self.gzip } else { &self.plain };
        let mut reply = Response::new(ResponseBody::from(body.clone()));
        let headers = reply.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(self.content_type));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("public, max-age=0"));
        headers.insert(ETAG, self.etag.clone());
        headers.insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
        headers.insert(VARY, HeaderValue::from_static("Accept-Encoding"));
        if gzip {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        reply
    }

    /// The strong or the weak form.
    fn matches(&self, value: &HeaderValue) -> bool {
        value.as_bytes().strip_prefix(b"W/").unwrap_or(value.as_bytes()) == self.etag.as_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_classic_script_is_no_module() {
        let (classic, module) = (classic(), module());
        assert!(module.contains("\nexport ") && !classic.contains("\nexport "));
        assert!(classic.starts_with("globalThis.io = (() => {") && classic.ends_with("return io; })();\n"));
    }

    #[test]
    fn the_client_is_small_on_the_wire() {
        for asset in [&*CLASSIC, &*MODULE] {
            assert!(asset.gzip.len() < 5 * 1024, "{} bytes", asset.gzip.len());
        }
    }
}
