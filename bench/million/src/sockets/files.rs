//! How many files this process may open: a shell's own limit is often far below what it could ask for.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::failure::{Failure, Outcome};

/// Besides the connections: pipes, the listener, the event loop.
const SPARE: u64 = 50;

/// Makes room for so many connections.
///
/// # Errors
/// If that is more than the system grants.
pub(super) fn allow(connections: u32) -> Outcome {
    let limit = getrlimit(Resource::Nofile);
    let needed = u64::from(connections) + SPARE;
    // No limit at all is `None`.
    if limit.current.is_none_or(|current| current >= needed) {
        return Ok(());
    }
    if let Some(most) = limit.maximum
        && most < needed
    {
        return Err(Failure(format!(
            "{connections} connections of one process, but it may open {most} files"
        )));
    }
    setrlimit(Resource::Nofile, Rlimit { current: Some(needed), maximum: limit.maximum })
        .map_err(|error| Failure(format!("no {needed} open files: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_files_than_the_system_grants_are_refused_before_the_first_is_opened() {
        allow(10).unwrap();
        if getrlimit(Resource::Nofile).maximum.is_some_and(|most| most < u32::MAX.into()) {
            assert!(allow(u32::MAX).is_err());
        }
    }
}
