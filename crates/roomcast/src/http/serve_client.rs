//! The client's files below the path: `/socket.io/socket.io.js` and its siblings.
//!
//! They come from a folder of the official bundles, or from Roomcast's own small client, which is part of the program.
//! What is odd: a name that is not there is left to the engine, which answers 400, and the method does not matter; both as in
//! the reference.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

use brotli::enc::BrotliEncoderParams;
use bytes::Bytes;
use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};
use http::header::{
    CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, ETAG, IF_NONE_MATCH, VARY,
};
use http::{HeaderMap, HeaderValue, Response};
use parking_lot::Mutex;
use serde::Deserialize;
use tokio::sync::OnceCell;

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
    /// Made when they are asked for first, kept for good.
    compressed: [OnceCell<Bytes>; OFFERED.len()],
}

/// How a file can be sent, the reference's favourite first.
const OFFERED: [Encoding; 3] = [Encoding::Brotli, Encoding::Gzip, Encoding::Deflate];

/// Files are read once: a bundle does not change under a running server.
static FROM_FOLDERS: LazyLock<Mutex<HashMap<PathBuf, Arc<Asset>>>> = LazyLock::new(Mutex::default);
static CLASSIC: LazyLock<Arc<Asset>> = LazyLock::new(|| Arc::new(Asset::own("socket.io.js", classic())));
static MODULE: LazyLock<Arc<Asset>> =
    LazyLock::new(|| Arc::new(Asset::own("socket.io.esm.min.js", module())));

/// The name of the file that a request may be for. Files are below the server's path, whether a slash belongs to that or not.
pub(super) fn file_of(config: &EngineConfig, path: &str) -> Option<&'static str> {
    // Most requests name none.
    if path.ends_with('/') {
        return None;
    }
    let name = path.strip_prefix(config.path.trim_end_matches('/'))?.strip_prefix('/')?;
    NAMES.into_iter().find(|known| *known == name)
}

/// The reply, if there is a file of that [name](file_of).
pub(super) async fn reply(config: &EngineConfig, name: &'static str, headers: &HeaderMap) -> Option<Reply> {
    let asset = match &config.serve_client {
        ServeClient::No => return None,
        ServeClient::Folder(folder) => from_folder(folder, name).await?,
        ServeClient::Embedded => match name {
            "socket.io.js" | "socket.io.min.js" => CLASSIC.clone(),
            "socket.io.esm.min.js" => MODULE.clone(),
            _ => return None,
        },
    };
    Some(asset.reply(headers).await)
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

async fn from_folder(folder: &Path, name: &str) -> Option<Arc<Asset>> {
    let path = folder.join(name);
    if let Some(asset) = FROM_FOLDERS.lock().get(&path) {
        return Some(asset.clone());
    }
    let (read, folder) = (path.clone(), folder.to_path_buf());
    let read = move || std::fs::read(read).map(|content| (content, version(&folder)));
    let (content, version) = match tokio::task::spawn_blocking(read).await.ok()? {
        Ok(read) => read,
        Err(error) => {
            tracing::warn!(%error, path = %path.display(), "client bundle not found");
            return None;
        }
    };
    let asset = Arc::new(Asset::new(name, content.into(), version));
    FROM_FOLDERS.lock().insert(path, asset.clone());
    Some(asset)
}

/// The version of the package that a folder of bundles belongs to: it is the folder itself or the one around it.
fn version(folder: &Path) -> Option<String> {
    #[derive(Deserialize)]
    struct Package {
        version: String,
    }
    let texts = [folder.join("package.json"), folder.join("../package.json")].into_iter();
    let text = texts.filter_map(|path| std::fs::read_to_string(path).ok()).next()?;
    Some(serde_json::from_str::<Package>(&text).ok()?.version)
}

impl Asset {
    /// A file of Roomcast's own.
    fn own(name: &str, content: String) -> Self {
        Self::new(name, content.into(), Some(env!("CARGO_PKG_VERSION").to_owned()))
    }

    /// Without a version its content says whether it is still the same.
    fn new(name: &str, plain: Bytes, version: Option<String>) -> Self {
        let content_type = match name.ends_with(".map") {
            true => "application/json; charset=utf-8",
            false => "application/javascript; charset=utf-8",
        };
        let hash = || {
            let mut hasher = DefaultHasher::new();
            plain.hash(&mut hasher);
            HeaderValue::try_from(format!("\"{:016x}\"", hasher.finish()))
                .expect("hexadecimal digits are a header value")
        };
        let version = version.filter(|version| !version.contains('"'));
        let etag = version.and_then(|version| HeaderValue::try_from(format!("\"{version}\"")).ok());
        let etag = etag.unwrap_or_else(hash);
        Self { content_type, etag, plain, compressed: Default::default() }
    }

    async fn reply(&self, request: &HeaderMap) -> Reply {
        if request.get(IF_NONE_MATCH).is_some_and(|value| self.matches(value)) {
            return reply::not_modified();
        }
        let encoding = Encoding::choose(request, &OFFERED);
        let compressed = match encoding {
            Some(encoding) => self.compressed(encoding).await.map(|body| (encoding, body)),
            None => None,
        };
        let body = compressed.as_ref().map_or(&self.plain, |(_, body)| body);
        let mut reply = Response::new(ResponseBody::from(body.clone()));
        let headers = reply.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(self.content_type));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("public, max-age=0"));
        headers.insert(ETAG, self.etag.clone());
        headers.insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
        headers.insert(VARY, HeaderValue::from_static("Accept-Encoding"));
        if let Some((encoding, _)) = compressed {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static(encoding.name()));
        }
        reply
    }

    /// `None` while the runtime is being shut down.
    async fn compressed(&self, encoding: Encoding) -> Option<Bytes> {
        let position = OFFERED.iter().position(|offered| *offered == encoding)?;
        let compress = async || {
            let plain = self.plain.clone();
            tokio::task::spawn_blocking(move || compress(&plain, encoding)).await.map(Bytes::from)
        };
        self.compressed[position].get_or_try_init(compress).await.ok().cloned()
    }

    /// The strong or the weak form.
    fn matches(&self, value: &HeaderValue) -> bool {
        value.as_bytes().strip_prefix(b"W/").unwrap_or(value.as_bytes()) == self.etag.as_bytes()
    }
}

fn compress(plain: &[u8], encoding: Encoding) -> Vec<u8> {
    const WHY: &str = "a Vec takes every write";
    let level = Compression::best();
    match encoding {
        Encoding::Brotli => {
            // The last two levels take ten times as long for one per cent.
            let parameters = BrotliEncoderParams { quality: 9, ..Default::default() };
            let mut compressed = Vec::new();
            brotli::BrotliCompress(&mut &plain[..], &mut compressed, &parameters).expect(WHY);
            compressed
        }
        Encoding::Gzip => {
            let mut encoder = GzEncoder::new(Vec::new(), level);
            encoder.write_all(plain).and_then(|()| encoder.finish()).expect(WHY)
        }
        Encoding::Deflate => {
            let mut encoder = ZlibEncoder::new(Vec::new(), level);
            encoder.write_all(plain).and_then(|()| encoder.finish()).expect(WHY)
        }
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
            for encoding in OFFERED {
                let length = compress(&asset.plain, encoding).len();
                assert!(length < 5 * 1024, "{length} bytes as {encoding:?}");
            }
        }
    }
}
