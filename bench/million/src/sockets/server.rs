//! One server process. It says its port, then answers every line with what it holds and has worked.

use std::io::stdin;

use serde_json::json;
use tokio::net::TcpListener;
use tokio::runtime::Builder;

use crate::allocator::heap;
use crate::failure::Outcome;
use crate::meter::{process_cpu, resident};
use crate::options::Options;
use crate::subject;

pub(crate) fn run(options: &Options) -> Outcome {
    // As `#[tokio::main]` would make it.
    let runtime = Builder::new_multi_thread().enable_all().build()?;
    let io = subject::server(options.ping_interval());
    let listener = runtime.block_on(TcpListener::bind(("127.0.0.1", options.port)))?;
    println!("{}", json!({ "port": listener.local_addr()?.port() }));
    let serving = io.clone();
    runtime.spawn(async move { serving.serve(listener).await });
    for line in stdin().lines() {
        line?;
        let cpu = process_cpu();
        println!(
            "{}",
            json!({
                "sessions": io.sessions(), "cpu_ns": cpu.as_secs_f64() * 1e9,
                "rss_kib": resident()?.0, "heap": heap(),
            })
        );
    }
    Ok(())
}
