//! What the measuring program said, as Markdown tables, and their place in the page.
//!
//! In: one JSON object of each scenario. Out: text. What is odd: `None` is the answer to anything of another form, so that
//! a renamed field does not leave a hole in a table.

use std::fmt::Write as _;

use serde_json::Value;

const BEGIN: &str = "<!-- measured by cargo xtask million: begin -->\n";
const END: &str = "<!-- measured by cargo xtask million: end -->";

/// What only root may read.
const UNKNOWN: &str = "unknown, needs root";

/// The page with another text between its markers.
pub(super) fn replace(page: &str, text: &str) -> Option<String> {
    let (before, rest) = page.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{BEGIN}{}\n{END}{after}", text.trim_end()))
}

/// One table for the sessions in memory, one for the real clients.
pub(super) fn tables(results: &[Value]) -> Option<String> {
    let mut text = String::new();
    for result in results.iter().filter(|result| result["scenario"] == "memory") {
        text += &memory(result)?;
    }
    let sockets: Vec<_> = results.iter().filter(|result| result["scenario"] == "sockets").collect();
    if let Some(first) = sockets.first() {
        text += &real(&sockets)?;
        text += &follows(first)?;
    }
    Some(text)
}

fn memory(result: &Value) -> Option<String> {
    let clients = count(result, "clients")?;
    let mut text = format!("{clients} sessions in memory, rooms of {}\n\n", count(result, "room")?);
    text += "| memory per client | RSS, B | heap, B | of that the transport, B |\n|---|---|---|---|\n";
    let moments = [
        ("idle, joined", "idle"),
        ("after the broadcasts", "after_broadcasts"),
        ("after all have left", "left_over"),
    ];
    for (name, field) in moments {
        let bytes = |column| Some(format!("{:.0}", result[field][column].as_f64()?));
        let _ =
            writeln!(text, "| {name} | {} | {} | {} |", bytes("rss")?, bytes("heap")?, bytes("transport")?);
    }
    let _ = writeln!(text, "\nHighest RSS of the process: {} MiB.\n", count(result, "rss_peak_mib")?);
    text += "| work | units | server CPU per unit, µs | seconds until the last |\n|---|---|---|---|\n";
    let mut work = vec![
        ("connect, whole handshake".to_owned(), &result["connect"]),
        ("join a room".to_owned(), &result["join"]),
        ("heartbeat".to_owned(), &result["heartbeat"]),
        ("delivery to a room".to_owned(), &result["to_room"]),
    ];
    for (index, broadcast) in result["broadcast"].as_array()?.iter().enumerate() {
        work.push((format!("delivery of broadcast {}", index + 1), broadcast));
    }
    work.push(("leave".to_owned(), &result["leave"]));
    for (name, phase) in work {
        let _ = writeln!(
            text,
            "| {name} | {} | {} | {} |",
            count(phase, "units")?,
            micros(phase)?,
            seconds(phase)?
        );
    }
    Some(text + "\n")
}

type Cell = fn(&Value) -> Option<String>;

fn real(results: &[&Value]) -> Option<String> {
    let rows: [(&str, Cell); 15] = [
        ("clients", |result| count(result, "clients")),
        ("server processes", |result| count(result, "servers")),
        ("server RSS per client, B", |result| bytes(&result["server"]["rss"])),
        ("server heap per client, B", |result| bytes(&result["server"]["heap"])),
        ("kernel, the parts of one idle socket, B", |result| match &result["kernel"]["socket"] {
            Value::Null => Some(UNKNOWN.to_owned()),
            socket => bytes(&socket["bytes"]),
        }),
        ("kernel, slabs that cannot be given back, per connection with both ends, B", |result| {
            bytes(&result["kernel"]["slabs"])
        }),
        ("kernel, socket buffers per connection, B", |result| bytes(&result["kernel"]["socket_buffers"])),
        ("kernel, all it lost of available memory, per connection, B", |result| {
            bytes(&result["kernel"]["all"])
        }),
        ("client RSS per client, B", |result| bytes(&result["clients_rss"])),
        ("connect and join, server CPU each, µs", |result| micros(&result["connect_and_join"])),
        ("connect and join, seconds for all", |result| seconds(&result["connect_and_join"])),
        ("heartbeat, server CPU each, µs", |result| micros(&result["heartbeat"])),
        ("broadcast, server CPU per delivery, µs", |result| micros(last(result)?)),
        ("broadcast, seconds until the last has it", |result| seconds(last(result)?)),
        ("connections per second while connecting", rate),
    ];
    let mut text = "Real clients over loopback\n\n|".to_owned();
    text += &" |".repeat(results.len() + 1);
    let _ = writeln!(text, "\n|{}", "---|".repeat(results.len() + 1));
    for (name, cell) in rows {
        let _ = write!(text, "| {name} |");
        for result in results {
            let _ = write!(text, " {} |", cell(result)?);
        }
        text.push('\n');
    }
    Some(text)
}

/// One large machine, reckoned from a process with real clients.
fn follows(result: &Value) -> Option<String> {
    const CLIENTS: f64 = 1e6;
    /// Seconds, the default.
    const PING_INTERVAL: f64 = 25.0;
    const CORES: f64 = 16.0;
    let cost = |phase: &Value| Some(phase["server_ns"].as_f64()? / 1e9 * CLIENTS);
    let gigabytes = |bytes: &Value| Some(format!("{:.1} GB", bytes.as_f64()? * CLIENTS / 1e9));
    let connect = cost(&result["connect_and_join"])?;
    let broadcast = cost(last(result)?)?;
    let socket = &result["kernel"]["socket"];
    let parts = socket["parts"].as_object().into_iter().flatten();
    let parts: Vec<_> = parts.map(|(name, size)| format!("`{name}` {size}")).collect();
    let kernel = if socket.is_null() { UNKNOWN.to_owned() } else { gigabytes(&socket["bytes"])? };
    let rows = [
        ("memory of the server process", gigabytes(&result["server"]["rss"])?),
        ("memory of the kernel for idle sockets", kernel),
        ("heartbeats every 25 s", format!("{:.2} cores", cost(&result["heartbeat"])? / PING_INTERVAL)),
        (
            "all connect and join anew",
            format!("{connect:.0} core-seconds; at best {:.1} s on {CORES} cores", connect / CORES),
        ),
        ("handshakes that one core takes", format!("{} a second", grouped((CLIENTS / connect) as u64))),
        (
            "a broadcast to all, one at a time",
            format!("{broadcast:.1} core-seconds; at best {:.2} s on {CORES} cores", broadcast / CORES),
        ),
    ];
    let mut text =
        "\n1,000,000 clients of one machine, reckoned from the first column\n\n| | |\n|---|---|\n".to_owned();
    for (name, value) in rows {
        let _ = writeln!(text, "| {name} | {value} |");
    }
    if !parts.is_empty() {
        let _ = writeln!(text, "\nAn idle socket consists of, in bytes: {}.", parts.join(", "));
    }
    Some(text)
}

fn last(result: &Value) -> Option<&Value> {
    result["broadcast"].as_array()?.last()
}

fn rate(result: &Value) -> Option<String> {
    let phase = &result["connect_and_join"];
    Some(grouped((phase["units"].as_f64()? / phase["seconds"].as_f64()?) as u64))
}

fn bytes(value: &Value) -> Option<String> {
    Some(format!("{:.0}", value.as_f64()?))
}

fn micros(phase: &Value) -> Option<String> {
    Some(format!("{:.2}", phase["server_ns"].as_f64()? / 1e3))
}

fn seconds(phase: &Value) -> Option<String> {
    Some(format!("{:.2}", phase["seconds"].as_f64()?))
}

fn count(value: &Value, name: &str) -> Option<String> {
    Some(grouped(value[name].as_f64()? as u64))
}

/// `1234567` as `1,234,567`.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::root;

    fn phase() -> Value {
        json!({ "units": 1000, "seconds": 0.5, "server_ns": 2500.0 })
    }

    fn results() -> [Value; 2] {
        let memory = json!({ "rss": 2200.4, "heap": 2100.0, "transport": 112.0 });
        [
            json!({
                "scenario": "memory", "clients": 1_000_000, "room": 100, "idle": memory, "after_broadcasts": memory,
                "left_over": memory, "rss_peak_mib": 2500, "connect": phase(), "join": phase(),
                "heartbeat": phase(), "to_room": phase(), "broadcast": [phase(), phase()], "leave": phase(),
            }),
            json!({
                "scenario": "sockets", "clients": 150_000, "servers": 8, "server": memory, "clients_rss": 99.0,
                "kernel": {
                    "socket": { "bytes": 3768, "parts": { "TCP": 2368, "filp": 192 } },
                    "slabs": 6000.4, "socket_buffers": 3.0, "all": -6.0,
                },
                "connect_and_join": phase(), "heartbeat": phase(), "broadcast": [phase()],
            }),
        ]
    }

    #[test]
    fn every_number_finds_its_place() {
        let text = tables(&results()).unwrap();
        for line in [
            "1,000,000 sessions in memory, rooms of 100",
            "| idle, joined | 2200 | 2100 | 112 |",
            "| delivery of broadcast 2 | 1,000 | 2.50 | 0.50 |",
            "| kernel, the parts of one idle socket, B | 3768 |",
            "| kernel, all it lost of available memory, per connection, B | -6 |",
            "| memory of the server process | 2.2 GB |",
            "| memory of the kernel for idle sockets | 3.8 GB |",
            "| heartbeats every 25 s | 0.10 cores |",
            "| handshakes that one core takes | 400,000 a second |",
            "An idle socket consists of, in bytes: `TCP` 2368, `filp` 192.",
            "| connections per second while connecting | 2,000 |",
        ] {
            assert!(text.lines().any(|other| other == line), "{line} is not in\n{text}");
        }
    }

    #[test]
    fn a_missing_number_is_no_table() {
        for name in ["heartbeat", "broadcast", "clients"] {
            for index in 0..2 {
                let mut results = results();
                results[index].as_object_mut().unwrap().remove(name);
                assert!(tables(&results).is_none(), "{name}");
            }
        }
    }

    #[test]
    fn what_could_not_be_read_is_said_to_be_unknown() {
        let mut results = results();
        results[1]["kernel"]["socket"] = Value::Null;
        let text = tables(&results).unwrap();
        assert_eq!(text.matches("| unknown, needs root |").count(), 2, "{text}");
        assert!(!text.contains("consists of"));
    }

    #[test]
    fn the_text_between_the_markers_is_replaced_and_nothing_else() {
        let page = format!("# a\n{BEGIN}old\n{END}\nb\n");
        assert_eq!(replace(&page, "new\n\n"), Some(format!("# a\n{BEGIN}new\n{END}\nb\n")));
        assert_eq!(replace("# a\n", "new"), None);
    }

    #[test]
    fn the_kept_page_has_its_markers() {
        let page = std::fs::read_to_string(root().join("bench/MILLION.md")).unwrap();
        assert!(replace(&page, "").is_some());
    }
}
