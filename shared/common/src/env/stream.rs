//! The standard streams of a process, or their stand-ins in memory.

use std::io::{self, BufRead, IsTerminal, Read, Write};
use std::sync::{Arc, Mutex, PoisonError};

/// Standard input, or a text in its place; clones read on where the other stopped.
#[derive(Clone, Debug)]
pub struct InputStream {
    source: Source,
    terminal: bool,
}

#[derive(Clone, Debug)]
enum Source {
    Stdin,
    Text(Arc<Mutex<io::Cursor<Vec<u8>>>>),
}

/// Standard output or error, or a buffer in its place; clones write to the same.
#[derive(Clone, Debug)]
pub struct OutputStream {
    sink: Sink,
    terminal: bool,
}

#[derive(Clone, Debug)]
enum Sink {
    Stdout,
    Stderr,
    Memory(Arc<Mutex<Vec<u8>>>),
}

impl InputStream {
    pub(super) fn stdin() -> Self {
        Self { source: Source::Stdin, terminal: io::stdin().is_terminal() }
    }

    pub(super) fn text(text: impl Into<Vec<u8>>) -> Self {
        let cursor = io::Cursor::new(text.into());
        Self { source: Source::Text(Arc::new(Mutex::new(cursor))), terminal: false }
    }

    pub(super) fn set_terminal(&mut self, terminal: bool) {
        self.terminal = terminal;
    }

    /// Whether a person types here.
    #[must_use]
    pub const fn is_terminal(&self) -> bool {
        self.terminal
    }

    /// Reads one line, without its end; none at the end of the input.
    ///
    /// # Errors
    /// What reading gives, such as text that is not UTF-8.
    pub fn read_line(&self) -> io::Result<Option<String>> {
        let mut line = String::new();
        let length = match &self.source {
            Source::Stdin => io::stdin().lock().read_line(&mut line)?,
            Source::Text(text) => lock(text).read_line(&mut line)?,
        };
        let text = line.trim_end_matches(['\n', '\r']);
        Ok((length > 0).then(|| text.to_owned()))
    }

    /// Reads one line as [`Self::read_line`] does, without a terminal showing what is typed.
    ///
    /// # Errors
    /// What reading gives, and [`io::ErrorKind::Unsupported`] for a terminal that cannot be told
    /// not to show it.
    pub fn read_hidden_line(&self) -> io::Result<Option<String>> {
        match &self.source {
            Source::Stdin if self.terminal => {
                let _silence = Silence::begin()?;
                self.read_line()
            }
            _ => self.read_line(),
        }
    }

    /// Lets the terminal show again what is typed, when a process ends while
    /// [`Self::read_hidden_line`] waits; otherwise it does nothing.
    pub fn show_typing(&self) {
        if matches!(self.source, Source::Stdin) {
            Silence::end();
        }
    }

    /// Reads all that is left.
    ///
    /// # Errors
    /// What reading gives.
    pub fn read_all(&self) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        match &self.source {
            Source::Stdin => io::stdin().lock().read_to_end(&mut bytes)?,
            Source::Text(text) => lock(text).read_to_end(&mut bytes)?,
        };
        Ok(bytes)
    }
}

impl OutputStream {
    pub(super) fn stdout() -> Self {
        Self { sink: Sink::Stdout, terminal: io::stdout().is_terminal() }
    }

    pub(super) fn stderr() -> Self {
        Self { sink: Sink::Stderr, terminal: io::stderr().is_terminal() }
    }

    pub(super) fn memory() -> Self {
        Self { sink: Sink::Memory(Arc::default()), terminal: false }
    }

    pub(super) fn set_terminal(&mut self, terminal: bool) {
        self.terminal = terminal;
    }

    /// Whether a person looks at it.
    #[must_use]
    pub const fn is_terminal(&self) -> bool {
        self.terminal
    }

    /// Whether it is kept in memory rather than given to the system.
    #[must_use]
    pub const fn is_captured(&self) -> bool {
        matches!(self.sink, Sink::Memory(_))
    }

    /// What was written so far, when it is kept in memory; else nothing.
    #[must_use]
    pub fn captured(&self) -> String {
        match &self.sink {
            Sink::Memory(bytes) => String::from_utf8_lossy(&lock(bytes)).into_owned(),
            Sink::Stdout | Sink::Stderr => String::new(),
        }
    }

    /// Whether whoever read it has gone, such as `head` after its lines: what is written from now
    /// on reaches nobody. Where the system cannot tell without a write, it is never so.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        match &self.sink {
            Sink::Stdout => has_no_reader(io::stdout()),
            Sink::Stderr => has_no_reader(io::stderr()),
            Sink::Memory(_) => false,
        }
    }

    /// Writes all of `text` at once and flushes.
    ///
    /// # Errors
    /// What writing gives.
    pub fn write(&self, text: &str) -> io::Result<()> {
        match &self.sink {
            Sink::Stdout => write_flushed(&mut io::stdout().lock(), text),
            Sink::Stderr => write_flushed(&mut io::stderr().lock(), text),
            Sink::Memory(bytes) => write_flushed(&mut *lock(bytes), text),
        }
    }
}

/// Whether `stream` is a pipe that nobody reads any more, or a terminal that was closed.
#[cfg(unix)]
fn has_no_reader(stream: impl std::os::fd::AsFd) -> bool {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    // An error and a hang-up are told without being asked for.
    let mut polled = [PollFd::new(&stream, PollFlags::empty())];
    let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
    let gone = PollFlags::ERR | PollFlags::HUP | PollFlags::NVAL;
    poll(&mut polled, Some(&at_once)).is_ok() && polled[0].revents().intersects(gone)
}

#[cfg(not(unix))]
fn has_no_reader<T>(_stream: T) -> bool {
    false
}

/// While it lives, the terminal of standard input does not show what is typed.
struct Silence;

/// How the terminal was before it was silenced; kept where a process that ends in the middle of a
/// question can find it.
#[cfg(unix)]
static BEFORE: Mutex<Option<rustix::termios::Termios>> = Mutex::new(None);

impl Silence {
    #[cfg(unix)]
    fn begin() -> io::Result<Self> {
        use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};
        let before = tcgetattr(io::stdin())?;
        let mut silent = before.clone();
        silent.local_modes.remove(LocalModes::ECHO);
        *lock(&BEFORE) = Some(before);
        tcsetattr(io::stdin(), OptionalActions::Flush, &silent)?;
        Ok(Self)
    }

    #[cfg(not(unix))]
    fn begin() -> io::Result<Self> {
        let message = "this terminal would show what is typed";
        Err(io::Error::new(io::ErrorKind::Unsupported, message))
    }

    fn end() {
        #[cfg(unix)]
        if let Some(before) = lock(&BEFORE).take() {
            use rustix::termios::{OptionalActions, tcsetattr};
            // A terminal that is gone shows nothing any more.
            let _ = tcsetattr(io::stdin(), OptionalActions::Now, &before);
        }
    }
}

impl Drop for Silence {
    fn drop(&mut self) {
        Self::end();
    }
}

fn write_flushed(to: &mut impl Write, text: &str) -> io::Result<()> {
    to.write_all(text.as_bytes())?;
    to.flush()
}

fn lock<T>(shared: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_one_by_one_to_the_end() {
        let input = InputStream::text("yes\r\n\nno");
        assert_eq!(input.read_line().unwrap().as_deref(), Some("yes"));
        assert_eq!(input.read_line().unwrap().as_deref(), Some(""));
        let clone = input.clone();
        assert_eq!(clone.read_line().unwrap().as_deref(), Some("no"));
        assert_eq!(input.read_line().unwrap(), None);
    }

    #[cfg(unix)]
    #[test]
    fn a_pipe_without_a_reader_is_noticed_before_a_write() {
        let (reader, writer) = io::pipe().unwrap();
        assert!(!has_no_reader(&writer));
        drop(reader);
        assert!(has_no_reader(&writer));
        assert!(!has_no_reader(tempfile::tempfile().unwrap()), "a file has no reader to lose");
    }

    #[test]
    fn what_a_clone_writes_is_captured() {
        let output = OutputStream::memory();
        let clone = output.clone();
        clone.write("a\n").unwrap();
        output.write("b\n").unwrap();
        assert_eq!(output.captured(), "a\nb\n");
    }
}
