//! One run: a fresh server, the load beside it, the result.
//!
//! In: a subject and a [`Job`]. Out: a [`Measurement`]; whatever goes wrong is a fault in it, so that one run that fails
//! does not hide the others. What is odd: the kernel itself is asked (`setpriv --pdeathsig`) to end server and load if
//! this program goes away, since nothing of ours runs when it is killed.

use std::fmt::Display;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use super::environment::Placement;
use super::measurement::{Measurement, last_lines};
use super::scenarios::Cores;
use super::subjects::Ready;
use crate::machine::WEB_TRANSPORT;
use crate::root;
use crate::step::{Failure, Outcome};
use crate::watch::{Watch, end, tree};

/// How long a server may take until it listens; Python's imports take two seconds on a slow machine.
const START: Duration = Duration::from_secs(30);
/// How long the load may take. It ends by itself when nothing moves; this is for the case that it does not.
const LIMIT: Duration = Duration::from_secs(120);

/// What a run is to do.
#[derive(Clone, Debug)]
pub(super) struct Job {
    /// The arguments of the load generator, apart from port and process.
    pub(super) arguments: Vec<String>,
    pub(super) environment: Vec<(&'static str, &'static str)>,
    pub(super) cores: Cores,
    pub(super) tls: bool,
}

/// What all runs share.
#[derive(Debug)]
pub(super) struct Bench {
    /// The load generator.
    pub(super) load: PathBuf,
    pub(super) placement: Placement,
    /// Certificate and key of the runs with TLS.
    pub(super) certificate: (PathBuf, PathBuf),
    /// The native part of WebTransport for Node, where the one in the package does not load.
    pub(super) web_transport: Option<PathBuf>,
    /// Where the servers' complaints go.
    pub(super) logs: PathBuf,
}

impl Bench {
    /// Starts the subject, lets the load at it, ends it.
    pub(super) fn measure(&self, subject: &Ready, job: &Job) -> Measurement {
        let (server_core, load_core) = self.placement.of(job.cores);
        let server = match self.start(subject, job, &server_core) {
            Ok(server) => server,
            Err(why) => return Measurement::broken(why),
        };
        let mut load = held(&load_core);
        load.arg(&self.load).args(&job.arguments);
        load.arg("--port").arg(server.port.to_string()).arg("--pid").arg(server.process().to_string());
        let counted = tree(server.process());
        for process in &counted[1..] {
            load.arg("--threads-of").arg(process.to_string());
        }
        let mut measurement = run(load);
        let started = tree(server.process()).iter().filter(|process| !counted.contains(process)).count();
        if started > 0 {
            measurement.faults.push(format!("{started} processes of the server were not counted"));
        }
        if !measurement.is_sound() {
            let complaint = fs::read_to_string(&server.log).unwrap_or_default();
            let complaint = last_lines(&complaint);
            if !complaint.is_empty() {
                measurement.faults.push(format!("the server said: {complaint}"));
            }
        }
        measurement
    }

    fn start(&self, subject: &Ready, job: &Job, core: &str) -> Result<Server, String> {
        let failed = |error: io::Error| format!("{} does not start: {error}", subject.name);
        let port = free_port().map_err(failed)?;
        let log = self.logs.join(format!("{}.log", subject.name));
        let mut command = held(core);
        command.arg(&subject.program).args(&subject.before).arg(port.to_string()).args(&subject.after);
        command.envs(job.environment.iter().copied()).current_dir(root());
        if job.tls {
            command.env("TLS_CERT", &self.certificate.0).env("TLS_KEY", &self.certificate.1);
        }
        if let Some(native) = &self.web_transport {
            command.env(WEB_TRANSPORT, native);
        }
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        command.stderr(File::create(&log).map_err(failed)?);
        let mut child = command.spawn().map_err(failed)?;
        let output = child.stdout.take();
        let server = Server { child, port, log };
        let listening = output.map(announced).ok_or("the server has no output")?;
        match listening.recv_timeout(START) {
            Ok(()) => Ok(server),
            Err(_) => {
                let complaint = fs::read_to_string(&server.log).unwrap_or_default();
                Err(format!("{} does not listen; {}", subject.name, last_lines(&complaint)))
            }
        }
    }
}

/// Writes a certificate for the runs with TLS; it and its key.
pub(super) fn certificate(folder: &Path) -> Outcome<(PathBuf, PathBuf)> {
    let failed = |error: &dyn Display| Failure(format!("no certificate for the runs with TLS: {error}"));
    let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
    let made = rcgen::generate_simple_self_signed(names).map_err(|error| failed(&error))?;
    let (certificate, key) = (folder.join("certificate.pem"), folder.join("key.pem"));
    fs::write(&certificate, made.cert.pem()).map_err(|error| failed(&error))?;
    fs::write(&key, made.signing_key.serialize_pem()).map_err(|error| failed(&error))?;
    Ok((certificate, key))
}

/// A server that ends with this value.
struct Server {
    child: Child,
    port: u16,
    log: PathBuf,
}

impl Server {
    /// The launchers before it replace themselves, so that the process that was started is the server.
    fn process(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        end(self.process());
        // It has ended now; this only lets the kernel forget it.
        let _ = self.child.wait();
    }
}

/// A command on those cores, which does not outlive this program.
fn held(cores: &str) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", "taskset", "--cpu-list", cores]);
    command
}

/// Runs the load to its end.
fn run(mut load: Command) -> Measurement {
    let child = load.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let child = match child {
        Ok(child) => child,
        Err(error) => return Measurement::broken(format!("the load generator does not start: {error}")),
    };
    let watch = Watch::new(child.id(), LIMIT);
    let output = child.wait_with_output();
    if watch.over() {
        return Measurement::broken(format!("the load generator hung for {} s", LIMIT.as_secs()));
    }
    match output {
        Ok(output) => {
            let [out, err] = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes));
            Measurement::read(&out, output.status.success(), &err)
        }
        Err(error) => Measurement::broken(format!("the load generator cannot be read: {error}")),
    }
}

/// Says when the server listens; reads on after that, so that a server that talks never has to wait for us.
fn announced(output: ChildStdout) -> Receiver<()> {
    let (say, listening) = channel();
    std::thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            if line.trim_start().to_ascii_lowercase().starts_with("listening on") {
                // Nobody waits any more if it came too late.
                let _ = say.send(());
            }
        }
    });
    listening
}

/// Free now, and the kernel does not give it to another one at once.
fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    /// Of one test alone.
    fn folder(test: &str) -> PathBuf {
        let folder = crate::scratch("bench-tests").join(test);
        fs::create_dir_all(&folder).unwrap();
        folder
    }

    /// What comes of a load generator that is a line for a shell, beside a server that is one too.
    fn measured(test: &str, load: &str, server: &str) -> Measurement {
        let bench = Bench {
            load: "sh".into(),
            placement: Placement::read().unwrap(),
            certificate: ("cert.pem".into(), "key.pem".into()),
            web_transport: Some("web-transport.node".into()),
            logs: folder(test),
        };
        let subject = Ready {
            name: "fake",
            program: "sh".into(),
            before: vec!["-c".into(), server.into(), "sh".into()],
            after: Vec::new(),
            version: String::new(),
        };
        let job = Job {
            arguments: ["-c", load, "sh", "echo", "--clients", "5"].map(ToOwned::to_owned).to_vec(),
            environment: vec![("PING_INTERVAL", "1")],
            cores: Cores::Apart,
            tls: true,
        };
        bench.measure(&subject, &job)
    }

    const LISTENS: &str = "echo preparing; echo listening on $1; exec sleep 1000";

    #[test]
    fn the_load_is_told_port_and_process_of_the_server_that_listens() {
        let measurement = measured(
            "listens",
            r#"echo "{\"arguments\": \"$*\", \"server\": \"$(tr '\0' ' ' < /proc/$7/cmdline)\", \"errors\": []}""#,
            "echo listening on $1; exec sleep 1000$1",
        );
        assert!(measurement.is_sound(), "{measurement:?}");
        let said = |key: &str| measurement.said[key].as_str().unwrap().to_owned();
        assert!(said("arguments").starts_with("echo --clients 5 --port "), "{}", said("arguments"));
        let port = said("arguments").split_whitespace().nth(4).unwrap().to_owned();
        assert_eq!(said("server"), format!("sleep 1000{port} "));
    }

    #[test]
    fn the_server_has_the_environment_of_its_job() {
        let measurement = measured(
            "environment",
            r#"echo '{"errors": ["show the log"]}'"#,
            "echo $PING_INTERVAL, $TLS_CERT, $TLS_KEY, $NAPI_RS_NATIVE_LIBRARY_PATH >&2; echo listening on $1; exec sleep 1000",
        );
        assert_eq!(measurement.faults[1], "the server said: 1, cert.pem, key.pem, web-transport.node");
    }

    #[test]
    fn a_server_ends_with_its_run_and_so_does_what_it_started() {
        let measurement = measured(
            "ends",
            r#"echo "{\"pid\": $7, \"child\": $9}""#,
            "sleep 1000 & echo listening on $1; wait; exit $1",
        );
        assert!(measurement.is_sound(), "{measurement:?}");
        for name in ["/pid", "/child"] {
            let stat = format!("/proc/{}/stat", measurement.number(name).unwrap());
            // Its end has been ordered; the kernel may take a moment, and nobody may ask for what is left of it.
            let lives = || {
                fs::read_to_string(&stat).is_ok_and(|stat| !stat.contains(") Z ") && !stat.contains(") X "))
            };
            let begun = Instant::now();
            while lives() {
                assert!(begun.elapsed() < START, "{name} lives on");
                std::thread::yield_now();
            }
        }
    }

    #[test]
    fn processes_that_were_not_counted_are_a_fault() {
        let pipes = ["go", "gone"].map(|name| folder("started").join(name));
        for pipe in &pipes {
            let _ = fs::remove_file(pipe);
            assert!(Command::new("mkfifo").arg(pipe).status().unwrap().success());
        }
        let [go, gone] = pipes.map(|pipe| pipe.display().to_string());
        // The server starts a process when the load says so, and the load ends after that.
        let measurement = measured(
            "started",
            &format!("echo > '{go}'; read line < '{gone}'; echo '{{}}'"),
            &format!("echo listening on $1; read line < '{go}'; sleep 1000 & echo > '{gone}'; wait"),
        );
        assert!(measurement.faults[0].contains("1 processes"), "{:?}", measurement.faults);
    }

    #[test]
    fn a_server_that_does_not_listen_is_a_fault_with_its_last_words() {
        let measurement = measured("silent", "true", "echo no module named socketio >&2; exit 1");
        assert!(measurement.faults[0].ends_with("no module named socketio"), "{:?}", measurement.faults);
    }

    #[test]
    fn a_load_that_fails_is_a_fault_with_its_last_words() {
        let measurement = measured("fails", "echo cannot connect >&2; exit 1", LISTENS);
        assert_eq!(measurement.faults[0], "cannot connect");
    }
}
