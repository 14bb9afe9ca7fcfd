//! The sizes of a run: `--name number`, each with a default.

use std::time::Duration;

use crate::failure::{Failure, Outcome};

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Options {
    /// Sessions in memory.
    pub(crate) sessions: u32,
    /// Clients over loopback, on all servers together.
    pub(crate) clients: u32,
    /// Server processes.
    pub(crate) servers: u32,
    /// Members of one room.
    pub(crate) room: u32,
    /// Milliseconds.
    pub(crate) ping_interval: u32,
    /// How many broadcasts to all, one after the other.
    pub(crate) broadcasts: u32,
    /// Of one server; for the parts.
    pub(crate) port: u16,
    /// The last byte of the source address 127.0.0.x; for the parts.
    pub(crate) source: u8,
}

impl Options {
    pub(crate) fn parse(args: &[String]) -> Outcome<Self> {
        let mut options = Self {
            sessions: 1_000_000,
            clients: 19_000,
            servers: 1,
            room: 100,
            ping_interval: 25_000,
            broadcasts: 3,
            port: 0,
            source: 1,
        };
        for pair in args.chunks(2) {
            let [name, value] = pair else { return Err(Failure(format!("{} wants a number", pair[0]))) };
            let wrong = || Failure(format!("not a size for {name}: {value}"));
            let number: u32 = value.parse().map_err(|_| wrong())?;
            match name.as_str() {
                "--sessions" => options.sessions = number.max(1),
                "--clients" => options.clients = number.max(1),
                "--servers" => options.servers = number.max(1),
                "--room" => options.room = number.max(2),
                "--ping-interval" => options.ping_interval = number.max(100),
                "--broadcasts" => options.broadcasts = number.max(1),
                "--port" => options.port = u16::try_from(number).map_err(|_| wrong())?,
                "--source" => options.source = u8::try_from(number).map_err(|_| wrong())?,
                _ => return Err(Failure(format!("not an option: {name}"))),
            }
        }
        Ok(options)
    }

    pub(crate) fn ping_interval(&self) -> Duration {
        Duration::from_millis(self.ping_interval.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Outcome<Options> {
        Options::parse(&line.split_whitespace().map(ToOwned::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn sizes_are_read_and_the_rest_keeps_its_default() {
        let options = parse("--sessions 7 --source 9").unwrap();
        assert_eq!((options.sessions, options.source, options.room), (7, 9, 100));
    }

    #[test]
    fn what_is_no_size_is_refused() {
        for line in ["--sessions", "--sessions many", "--source 256", "--fast 1", "--sessions -1"] {
            assert!(parse(line).is_err(), "{line}");
        }
    }
}
