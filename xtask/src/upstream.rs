//! The test suites of the official project, run against our servers as they are.
//!
//! In: a checkout of the official repository. Out: their counts. What is odd: nothing of it is kept in this repository; a
//! suite is copied below `target`, gets its packages there, and is told nothing: its ports, 3000 and 3210, are fixed.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::{Map, Value};

use crate::step::{Failure, Outcome, Step, all};
use crate::tally::Tally;
use crate::{binaries, scratch};

/// Name, folder in the checkout, our server with its arguments, the port among them.
const PROTOCOL_SUITES: [(&str, &str, &str, &[&str]); 3] = [
    ("Engine.IO v3", "docs/engine.io-protocol/v3-test-suite", "engine-suite", &["3000", "--eio3"]),
    ("Engine.IO v4", "docs/engine.io-protocol/v4-test-suite", "engine-suite", &["3000"]),
    ("Socket.IO v5", "docs/socket.io-protocol/v5-test-suite", "protocol-suite", &["3000"]),
];

const CLIENT: &str = "packages/socket.io-client";
const CLIENT_PORT: &str = "3210";
/// What the client's suite needs of the packages that the whole checkout shares.
const CLIENT_NEEDS: [&str; 12] = [
    "@sinonjs/fake-timers",
    "@types/debug",
    "@types/expect.js",
    "@types/mocha",
    "@types/node",
    "base64-arraybuffer",
    "expect.js",
    "has-cors",
    "mocha",
    "text-blob-builder",
    "tsx",
    "typescript",
];

/// Runs the protocol suites and the client's.
pub(crate) fn run(source: &Path, tally: &mut Tally) -> Outcome {
    let servers = ["engine-suite", "protocol-suite", "client-suite"];
    let packages = servers.map(|name| format!("-p {name}")).join(" ");
    Step::new("cargo").args("build").args(&packages).run()?;
    let mut outcomes: Vec<_> = PROTOCOL_SUITES.iter().map(|suite| protocol(source, *suite, tally)).collect();
    outcomes.push(client(source, tally));
    all(outcomes.into_iter())
}

fn protocol(
    source: &Path,
    (name, folder, server, arguments): (&str, &str, &str, &[&str]),
    tally: &mut Tally,
) -> Outcome {
    let suite = copied(&source.join(folder), &name.replace(' ', "-"))?;
    Step::new("npm").args("ci --silent --no-audit --no-fund").inside(&suite).run()?;
    let _server = Server::start(server, arguments)?;
    Step::new("npm").args("test --silent").inside(&suite).count(name, tally)
}

fn client(source: &Path, tally: &mut Tally) -> Outcome {
    let suite = copied(&source.join(CLIENT), "client")?;
    let manifest = suite.join("package.json");
    let mut package = json(&manifest)?;
    package["devDependencies"] = needs(&json(&source.join("package.json"))?)?;
    fs::write(&manifest, package.to_string()).map_err(|error| failure(&manifest, &error))?;
    let step = |program: &str, args: &str| Step::new(program).args(args).inside(&suite);
    step("npm", "install --silent --no-audit --no-fund").run()?;
    // As its own `npm run compile` does.
    step("npx", "tsc").run()?;
    step("npx", "tsc -p tsconfig.esm.json").run()?;
    step("bash", "postcompile.sh").run()?;
    let _server = Server::start("client-suite", &[CLIENT_PORT])?;
    // As its own `npm run test:node` does, without the hooks that start a server.
    step("npx", "mocha --import=tsx --exit test/index.ts").count("client 4.8", tally)
}

/// A fresh copy of a suite below `target`; what was installed there before stays.
fn copied(from: &Path, name: &str) -> Outcome<PathBuf> {
    let to = scratch("upstream").join(name);
    fs::create_dir_all(&to).map_err(|error| failure(&to, &error))?;
    let inside = from.join(".");
    Step::new("cp").args("-r").arg(&inside).arg(&to).run()?;
    Ok(to)
}

fn json(path: &Path) -> Outcome<Value> {
    let text = fs::read_to_string(path).map_err(|error| failure(path, &error))?;
    serde_json::from_str(&text).map_err(|error| failure(path, &error))
}

/// The versions that the checkout wants.
fn needs(root: &Value) -> Outcome<Value> {
    let version = |name: &str| root["devDependencies"].get(name).cloned();
    let found: Option<Map<String, Value>> =
        CLIENT_NEEDS.iter().map(|name| Some(((*name).to_owned(), version(name)?))).collect();
    found.map(Value::Object).ok_or_else(|| {
        Failure(format!("the checkout's package.json does not name all of {}", CLIENT_NEEDS.join(", ")))
    })
}

fn failure(path: &Path, error: &dyn std::error::Error) -> Failure {
    Failure(format!("{}: {error}", path.display()))
}

/// One of our servers, ended with this value.
struct Server(Child);

impl Server {
    /// Starts it and waits until it listens.
    fn start(name: &str, arguments: &[&str]) -> Outcome<Self> {
        let mut command = Command::new(binaries().join(name));
        let child = command.args(arguments).stdout(Stdio::piped()).spawn();
        let mut server = Self(child.map_err(|error| Failure(format!("{name}: {error}")))?);
        let mut line = String::new();
        if let Some(output) = server.0.stdout.take() {
            let _ = BufReader::new(output).read_line(&mut line);
        }
        match line.contains("listening") {
            true => Ok(server),
            false => Err(Failure(format!("{name} {} does not listen", arguments.join(" ")))),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // If it has ended by itself there is nothing to end.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_client_gets_the_versions_that_the_checkout_names() {
        let versions: Map<_, _> =
            CLIENT_NEEDS.iter().chain(&["redis"]).map(|name| ((*name).to_owned(), "^1.0.0".into())).collect();
        let needed = needs(&serde_json::json!({ "devDependencies": versions })).unwrap();
        assert_eq!(needed.as_object().unwrap().len(), CLIENT_NEEDS.len());
        assert_eq!(needed["mocha"], "^1.0.0");
        assert!(needs(&serde_json::json!({})).is_err());
    }
}
