//! The process as seen from inside: arguments, variables, streams, time; nothing else reads them.

mod clock;
mod machine;
mod sibling;
mod stream;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::path::{Path, PathBuf};

use jiff::Timestamp;

pub use clock::Clock;
pub use machine::{Arch, Machine, Os};
pub use stream::{InputStream, OutputStream};

/// The surroundings of a command; [`Env::system`] is the process, [`Env::test`] a stand-in.
///
/// Cheap to clone; clones share streams and clock. Variables may hold secrets, so `Debug` omits
/// them.
#[derive(Clone)]
pub struct Env {
    args: Vec<OsString>,
    variables: Variables,
    current_directory: PathBuf,
    stdin: InputStream,
    stdout: OutputStream,
    stderr: OutputStream,
    width: Option<usize>,
    clock: Clock,
    machine: Machine,
    host: String,
    user: String,
    home: Option<PathBuf>,
    executable: Option<PathBuf>,
    suffix: Option<String>,
    program_directory: Option<PathBuf>,
}

#[derive(Clone)]
enum Variables {
    Process,
    Fixed(BTreeMap<String, String>),
}

impl Env {
    /// The process this code runs in.
    #[must_use]
    pub fn system() -> Self {
        Self {
            args: std::env::args_os().collect(),
            variables: Variables::Process,
            current_directory: std::env::current_dir().unwrap_or_default(),
            stdin: InputStream::stdin(),
            stdout: OutputStream::stdout(),
            stderr: OutputStream::stderr(),
            width: terminal_width(),
            clock: Clock::system(),
            machine: Machine::current(),
            host: machine::host_name(),
            user: machine::user_name(),
            home: machine::home_directory(),
            executable: None,
            suffix: None,
            program_directory: sibling::own_directory(),
        }
    }

    /// A stand-in for tests: no variables, empty input, output kept in memory, no terminal, a
    /// clock that stands at 2026-01-02 12:00 UTC, run ids that end in `test`.
    #[must_use]
    pub fn test() -> Self {
        let noon = Timestamp::from_second(1_767_355_200).unwrap_or_default();
        Self {
            args: vec![OsString::from("kubectl-rhacs")],
            variables: Variables::Fixed(BTreeMap::new()),
            current_directory: PathBuf::from("."),
            stdin: InputStream::text(""),
            stdout: OutputStream::memory(),
            stderr: OutputStream::memory(),
            width: None,
            clock: Clock::fixed(noon),
            machine: Machine { os: Os::Linux, arch: Arch::Amd64 },
            host: "host".to_owned(),
            user: "user".to_owned(),
            home: None,
            executable: Some(PathBuf::from("/nowhere/kubectl-rhacs")),
            suffix: Some("test".to_owned()),
            program_directory: None,
        }
    }

    /// The same with other arguments, the program's name first.
    #[must_use]
    pub fn with_args<I: Into<OsString>>(mut self, args: impl IntoIterator<Item = I>) -> Self {
        self.args = args.into_iter().map(Into::into).collect();
        self
    }

    /// The same with one more variable; the variables of the process no longer count.
    #[must_use]
    pub fn with_variable(mut self, name: &str, value: &str) -> Self {
        let mut known = match self.variables {
            Variables::Process => BTreeMap::new(),
            Variables::Fixed(known) => known,
        };
        known.insert(name.to_owned(), value.to_owned());
        self.variables = Variables::Fixed(known);
        self
    }

    /// The same with `text` as standard input.
    #[must_use]
    pub fn with_stdin(mut self, text: &str) -> Self {
        let terminal = self.stdin.is_terminal();
        self.stdin = InputStream::text(text);
        self.stdin.set_terminal(terminal);
        self
    }

    /// The same with all three streams being, or not being, a terminal of `width` columns.
    #[must_use]
    pub fn with_terminal(mut self, width: Option<usize>) -> Self {
        self.stdin.set_terminal(width.is_some());
        self.stdout.set_terminal(width.is_some());
        self.stderr.set_terminal(width.is_some());
        self.width = width;
        self
    }

    /// The same with another clock.
    #[must_use]
    pub fn with_clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// The same with run ids that differ even within a second.
    #[must_use]
    pub fn with_random_run_ids(mut self) -> Self {
        self.suffix = None;
        self
    }

    /// The same on another machine.
    #[must_use]
    pub const fn with_machine(mut self, machine: Machine) -> Self {
        self.machine = machine;
        self
    }

    /// The same with another home directory.
    #[must_use]
    pub fn with_home(mut self, home: impl Into<PathBuf>) -> Self {
        self.home = Some(home.into());
        self
    }

    /// The same, run from another file.
    #[must_use]
    pub fn with_executable(mut self, executable: impl Into<PathBuf>) -> Self {
        self.executable = Some(executable.into());
        self
    }

    /// The same in another current directory.
    #[must_use]
    pub fn with_current_directory(mut self, directory: impl Into<PathBuf>) -> Self {
        self.current_directory = directory.into();
        self
    }

    /// The arguments, the program's name first.
    #[must_use]
    pub fn args(&self) -> &[OsString] {
        &self.args
    }

    /// The variable `name`, unless it is unset, empty or not Unicode.
    #[must_use]
    pub fn variable(&self, name: &str) -> Option<String> {
        let value = match &self.variables {
            Variables::Process => std::env::var(name).ok(),
            Variables::Fixed(known) => known.get(name).cloned(),
        };
        value.filter(|value| !value.is_empty())
    }

    /// The current directory.
    #[must_use]
    pub fn current_directory(&self) -> &Path {
        &self.current_directory
    }

    /// `path` as seen from the current directory.
    #[must_use]
    pub fn resolve(&self, path: impl AsRef<Path>) -> PathBuf {
        self.current_directory.join(path)
    }

    /// Another program of the suite: next to this one, else on `PATH`; none when it is in neither.
    #[must_use]
    pub fn sibling(&self, name: &str) -> Option<PathBuf> {
        let path = self.variable("PATH").map(OsString::from);
        sibling::find(name, self.machine.os, self.program_directory.as_deref(), path.as_deref())
    }

    /// Standard input.
    #[must_use]
    pub const fn stdin(&self) -> &InputStream {
        &self.stdin
    }

    /// Standard output.
    #[must_use]
    pub const fn stdout(&self) -> &OutputStream {
        &self.stdout
    }

    /// Standard error.
    #[must_use]
    pub const fn stderr(&self) -> &OutputStream {
        &self.stderr
    }

    /// Columns of the terminal; none when there is no terminal.
    #[must_use]
    pub const fn width(&self) -> Option<usize> {
        self.width
    }

    /// The clock.
    #[must_use]
    pub const fn clock(&self) -> &Clock {
        &self.clock
    }

    /// The time now.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The machine.
    #[must_use]
    pub const fn machine(&self) -> Machine {
        self.machine
    }

    /// The computer's name.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The user's name on this computer.
    #[must_use]
    pub fn user(&self) -> &str {
        &self.user
    }

    /// The user's home directory.
    #[must_use]
    pub fn home(&self) -> Option<&Path> {
        self.home.as_deref()
    }

    /// The file this process was started from, links resolved; none when the system cannot tell.
    #[must_use]
    pub fn executable(&self) -> Option<PathBuf> {
        self.executable.clone().or_else(|| std::env::current_exe().ok()?.canonicalize().ok())
    }

    /// The directories that programs are searched in, in order; empty entries are left out.
    #[must_use]
    pub fn search_path(&self) -> Vec<PathBuf> {
        let path = match &self.variables {
            Variables::Process => std::env::var_os("PATH").unwrap_or_default(),
            Variables::Fixed(known) => known.get("PATH").cloned().unwrap_or_default().into(),
        };
        std::env::split_paths(&path).filter(|path| !path.as_os_str().is_empty()).collect()
    }

    /// A new run id, `YYYYMMDD-HHMMSS-xxxx` in UTC; ids sort by time, also within a second.
    #[must_use]
    pub fn run_id(&self) -> String {
        let now = self.now();
        let suffix = self.suffix.clone().unwrap_or_else(|| run_suffix(now));
        format!("{}-{suffix}", now.strftime("%Y%m%d-%H%M%S"))
    }
}

impl fmt::Debug for Env {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Env")
            .field("current_directory", &self.current_directory)
            .field("machine", &self.machine)
            .field("clock", &self.clock)
            .finish_non_exhaustive()
    }
}

/// Four characters that are valid in names of Kubernetes objects: the thirty-second of the second,
/// then three random ones. The standard library seeds its hashers from the operating system's
/// randomness, which is enough to tell two runs of the same moment apart.
fn run_suffix(now: Timestamp) -> String {
    /// In the order in which text sorts.
    const ALPHABET: &[u8; 32] = b"23456789abcdefghijkmnpqrstuvwxyz";
    let part = usize::try_from(now.subsec_millisecond()).unwrap_or_default() * 32 / 1000;
    let random = RandomState::new().hash_one(std::process::id()).to_le_bytes();
    let places = random.iter().take(3).map(|byte| usize::from(byte % 32));
    std::iter::once(part).chain(places).map(|at| char::from(ALPHABET[at])).collect()
}

#[cfg(feature = "ui")]
fn terminal_width() -> Option<usize> {
    let (width, _) = terminal_size::terminal_size_of(std::io::stderr())?;
    Some(usize::from(width.0))
}

#[cfg(not(feature = "ui"))]
const fn terminal_width() -> Option<usize> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_id_says_when_and_is_valid_in_a_name() {
        assert_eq!(Env::test().run_id(), "20260102-120000-test");
        let id = Env::system().run_id();
        assert_eq!(id.len(), "20260102-120000-test".len());
        let at = |millisecond| run_suffix(Timestamp::from_millisecond(millisecond).unwrap());
        assert!(at(31) < at(32) && at(499) < at(532) && at(967) < at(999), "ids sort by time");
        let valid = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        assert!(id.bytes().all(valid), "{id}");
    }

    #[test]
    fn an_empty_variable_is_as_good_as_none() {
        let env = Env::test().with_variable("A", "").with_variable("B", "b");
        assert_eq!(env.variable("A"), None);
        assert_eq!(env.variable("B").as_deref(), Some("b"));
        assert_eq!(env.variable("PATH"), None);
    }

    #[test]
    fn variables_are_not_in_debug_output() {
        let env = Env::test().with_variable("ROX_API_TOKEN", "hunter2");
        assert!(!format!("{env:?}").contains("hunter2"));
    }

    #[test]
    fn paths_are_resolved_from_the_current_directory() {
        let env = Env::test().with_current_directory("/backup");
        assert_eq!(env.resolve("a.zip"), Path::new("/backup/a.zip"));
        assert_eq!(env.resolve("/b.zip"), Path::new("/b.zip"));
    }
}
