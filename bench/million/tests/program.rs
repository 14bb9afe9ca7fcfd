//! The program as a whole, in sizes that take a second.

use std::process::{Command, Output, Stdio};

use serde_json::Value;

fn million(args: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_million"));
    command.args(args.split_whitespace()).stdin(Stdio::null()).output().expect("it was built")
}

fn result(args: &str) -> Value {
    let output = million(args);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("one JSON object")
}

#[test]
fn sessions_in_memory_connect_join_live_hear_everything_and_leave_nothing() {
    let result = result("memory --sessions 250 --room 100 --ping-interval 100 --broadcasts 2");
    assert_eq!(result["clients"], 250);
    assert_eq!(result["connect"]["units"], 250);
    // Three for each, and those that came before the slowest had its third.
    assert!(result["heartbeat"]["units"].as_u64().unwrap() >= 750);
    // 99, 99 and 49 others in the rooms.
    assert_eq!(result["to_room"]["units"], 247);
    assert_eq!(result["broadcast"].as_array().unwrap().len(), 2);
    let idle = result["idle"]["heap"].as_f64().unwrap();
    assert!(idle > 1000.0 && result["idle"]["transport"].as_f64().unwrap() < idle / 4.0);
    assert!(result["left_over"]["heap"].as_f64().unwrap() < idle / 10.0);
}

#[test]
fn real_clients_on_two_servers_hear_everything() {
    let result = result("sockets --clients 61 --servers 2 --ping-interval 100 --broadcasts 2");
    // As many on each.
    assert_eq!((&result["clients"], &result["servers"]), (&60.into(), &2.into()));
    assert!(result["heartbeat"]["units"].as_f64().unwrap() >= 120.0);
    assert_eq!(result["broadcast"].as_array().unwrap().len(), 2);
}

#[test]
fn a_part_ends_with_its_input() {
    let output = million("server --port 0");
    assert!(output.status.success() && String::from_utf8_lossy(&output.stdout).starts_with(r#"{"port":"#));
    assert!(million("clients --port 1").status.success());
}

#[test]
fn what_cannot_be_done_is_a_failure_and_not_a_result() {
    for args in ["", "fly", "memory --sessions", "sockets --clients 1 --servers 2", "server --port 70000"] {
        let output = million(args);
        assert!(!output.status.success() && output.stdout.is_empty() && !output.stderr.is_empty(), "{args}");
    }
}
