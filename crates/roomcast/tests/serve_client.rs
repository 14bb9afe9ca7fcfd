//! The browser's client, served below the path.
#![expect(clippy::unwrap_used, reason = "what helps a test may fail it")]

mod support;

use std::io::Read;

use roomcast::Io;

use support::{Http, serve};

const NO_FILE: &str = r#"{"code":0,"message":"Transport unknown"}"#;

async fn http(io: &Io) -> Http {
    Http::connect(serve(io).await).await
}

fn decompress(encoding: &str, bytes: &[u8]) -> String {
    let mut text = String::new();
    let read = match encoding {
        "br" => brotli::Decompressor::new(bytes, 4096).read_to_string(&mut text),
        "gzip" => flate2::read::GzDecoder::new(bytes).read_to_string(&mut text),
        _ => flate2::read::ZlibDecoder::new(bytes).read_to_string(&mut text),
    };
    read.unwrap();
    text
}

#[tokio::test]
async fn the_embedded_client_comes_as_a_classic_script_and_as_a_module() {
    let mut http = http(&Io::new()).await;
    let classic = http.get("/socket.io/socket.io.js").await;
    assert_eq!(classic.status, 200);
    assert_eq!(classic.header("content-type"), Some("application/javascript; charset=utf-8"));
    assert_eq!(classic.header("cache-control"), Some("public, max-age=0"));
    assert_eq!(classic.header("vary"), Some("Accept-Encoding"));
    assert!(classic.text().contains("globalThis.io"));
    assert_eq!(http.get("/socket.io/socket.io.min.js").await.text(), classic.text());
    let module = http.get("/socket.io/socket.io.esm.min.js").await;
    assert!(module.text().contains("export ") && !module.text().contains("globalThis.io"));
    let version = format!("\"{}\"", env!("CARGO_PKG_VERSION"));
    assert_eq!((module.header("etag"), classic.header("etag")), (Some(&*version), Some(&*version)));
    // A query does not matter; a file that is not there is the engine's to answer.
    assert_eq!(http.get("/socket.io/socket.io.js?v=1").await.text(), classic.text());
    for name in ["socket.io.js.map", "socket.io.msgpack.min.js", "../Cargo.toml", "socket.io.jsx", "nothing"]
    {
        let missing = http.get(&format!("/socket.io/{name}")).await;
        assert_eq!((missing.status, missing.text()), (400, NO_FILE), "{name}");
    }
}

#[tokio::test]
async fn who_takes_an_encoding_gets_the_same_file_smaller() {
    let mut http = http(&Io::new()).await;
    let plain = http.get("/socket.io/socket.io.js").await;
    assert_eq!(plain.header("content-encoding"), None);
    for (accepted, chosen) in [("br, gzip", "br"), ("gzip, br", "gzip"), ("br;q=0.5, deflate", "deflate")] {
        // The second time it is the same piece again.
        for _ in 0..2 {
            let headers = [("Accept-Encoding", accepted)];
            let answer = http.request("GET", "/socket.io/socket.io.js", &headers, "").await;
            assert_eq!(answer.header("content-encoding"), Some(chosen));
            assert!(answer.body.len() < plain.body.len());
            assert_eq!(decompress(chosen, &answer.body), plain.text());
        }
    }
}

#[tokio::test]
async fn who_has_the_file_is_told_that_it_is_the_same() {
    let mut http = http(&Io::new()).await;
    let first = http.get("/socket.io/socket.io.js").await;
    let etag = first.header("etag").unwrap();
    for known in [etag.to_owned(), format!("W/{etag}")] {
        let again = http.request("GET", "/socket.io/socket.io.js", &[("If-None-Match", &known)], "").await;
        assert_eq!((again.status, again.body.len()), (304, 0));
    }
    let changed = http.request("GET", "/socket.io/socket.io.js", &[("If-None-Match", "\"old\"")], "").await;
    assert_eq!((changed.status, changed.text()), (200, first.text()));
}

#[tokio::test]
async fn the_official_bundles_come_from_a_folder() {
    let folder = std::env::temp_dir().join(format!("roomcast-serve-client-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("socket.io.js"), "the bundle").unwrap();
    std::fs::write(folder.join("socket.io.js.map"), "{}").unwrap();
    std::fs::write(folder.join("secret.txt"), "secret").unwrap();
    let mut http = http(&Io::builder().client_folder(&folder).build()).await;
    assert_eq!(http.get("/socket.io/socket.io.js").await.text(), "the bundle");
    let map = http.get("/socket.io/socket.io.js.map").await;
    assert_eq!((map.text(), map.header("content-type")), ("{}", Some("application/json; charset=utf-8")));
    // Not in the folder, or not one of the official names, however it is written.
    for name in [
        "socket.io.min.js",
        "secret.txt",
        "../Cargo.toml",
        "..%2fCargo.toml",
        "%2e%2e/Cargo.toml",
        "sub/../socket.io.js",
        "socket.io.js/../secret.txt",
        "socket.io.js%00",
        "/etc/passwd",
    ] {
        let missing = http.get(&format!("/socket.io/{name}")).await;
        assert_eq!((missing.status, missing.text()), (400, NO_FILE), "{name}");
    }
    // A bundle is read once: it does not change under a running server.
    std::fs::remove_dir_all(&folder).unwrap();
    assert_eq!(http.get("/socket.io/socket.io.js").await.text(), "the bundle");
}

#[tokio::test]
async fn the_version_of_a_bundle_is_that_of_the_package_around_it() {
    let package = std::env::temp_dir().join(format!("roomcast-package-{}", std::process::id()));
    let folder = package.join("dist");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(package.join("package.json"), r#"{"name":"socket.io-client","version":"4.8.4"}"#).unwrap();
    std::fs::write(folder.join("socket.io.js"), "the bundle").unwrap();
    let mut http = http(&Io::builder().client_folder(&folder).build()).await;
    assert_eq!(http.get("/socket.io/socket.io.js").await.header("etag"), Some("\"4.8.4\""));
    std::fs::remove_dir_all(&package).unwrap();
}

#[tokio::test]
async fn the_client_is_below_a_path_without_a_slash_too_and_any_method_gets_it() {
    let mut http = http(&Io::builder().path("/chat").add_trailing_slash(false).build()).await;
    for method in ["GET", "POST", "PUT", "OPTIONS"] {
        assert_eq!(http.request(method, "/chat/socket.io.js", &[], "").await.status, 200, "{method}");
    }
    assert_eq!(http.get("/chatsocket.io.js").await.status, 400);
    assert_eq!(http.get("/cha").await.status, 404);
}

#[tokio::test]
async fn nothing_is_served_if_the_server_is_told_so() {
    let mut http = http(&Io::builder().serve_client(false).build()).await;
    assert_eq!(http.get("/socket.io/socket.io.js").await.status, 400);
}
