//! A mirror of published files: roxctl by release, operating system and architecture, with
//! checksums, ranges and scripted faults.

mod content;
mod layout;
mod serve;

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use common::rhacs::Version;
use jiff::Timestamp;
use tokio::sync::oneshot;

use crate::central::pki::Pki;
use content::Content;
pub use layout::File;

/// The path of the releases, as on the vendor's server.
const ROOT: &str = "/pub/rhacs/assets";

/// What goes wrong with requests for a roxctl; lists of checksums are left alone unless said.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum MirrorFault {
    /// The connection breaks after so many bytes of an answer, so many times.
    Cut {
        /// Bytes of the body that arrive.
        after: u64,
        /// How often.
        times: u32,
    },
    /// Nothing more comes after so many bytes, so many times; the connection stays open.
    Stall {
        /// Bytes of the body that arrive.
        after: u64,
        /// How often.
        times: u32,
    },
    /// Every request, lists included, is answered with a login page and 200.
    Page,
    /// The file ends early, and the answer says that this is all of it.
    Truncated {
        /// Bytes that are there.
        bytes: u64,
    },
    /// The lists have other checksums than the files.
    WrongSum,
    /// There are no lists.
    NoList,
    /// Ranges are not understood: every answer has the whole file.
    NoRange,
    /// The file changes between two requests: another validator, and a range is not honoured.
    Changes,
    /// A status instead of the file, so many times.
    Status {
        /// The HTTP status.
        status: u16,
        /// How often.
        times: u32,
    },
    /// The answer claims to be so long.
    Claims {
        /// The length in `Content-Length`.
        bytes: u64,
    },
    /// The answer does not say how long it is.
    NoLength,
    /// The program says that it is another version.
    OtherVersion,
    /// The program does not run.
    Broken,
    /// Every piece comes so many milliseconds after the one before.
    Slow {
        /// Milliseconds for each piece of 16 KiB.
        milliseconds: u64,
    },
    /// Requests for files are sent on to another path of this server, which has them.
    Redirects,
}

/// A request that was answered.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct MirrorRequest {
    /// The path.
    pub path: String,
    /// The `Range` header.
    pub range: Option<String>,
    /// The status of the answer.
    pub status: u16,
    /// The `Authorization` header.
    pub authorization: Option<String>,
}

/// What a mirror publishes.
#[derive(Clone, Debug)]
pub struct Builder {
    releases: Vec<Version>,
    size: u64,
    tls: bool,
}

/// A running mirror on a loopback port; it ends when this is dropped.
#[derive(Debug)]
pub struct Mirror {
    shared: Arc<Shared>,
    address: SocketAddr,
    ca: Option<String>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// What the requests share.
#[derive(Debug)]
struct Shared {
    releases: Vec<Version>,
    size: u64,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    faults: Vec<MirrorFault>,
    requests: Vec<MirrorRequest>,
    sums: Vec<(String, String)>,
}

impl Mirror {
    /// A mirror that publishes nothing yet.
    #[must_use]
    pub const fn builder() -> Builder {
        Builder { releases: Vec::new(), size: 96 << 10, tls: false }
    }

    /// The address of the releases, for `--mirror`.
    #[must_use]
    pub fn url(&self) -> String {
        let scheme = if self.ca.is_some() { "https" } else { "http" };
        format!("{scheme}://localhost:{}{ROOT}", self.address.port())
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// The authority of its certificate, in PEM, when it speaks TLS.
    #[must_use]
    pub fn ca_pem(&self) -> Option<&str> {
        self.ca.as_deref()
    }

    /// Adds a fault.
    pub fn add(&self, fault: MirrorFault) {
        self.shared.lock().faults.push(fault);
    }

    /// Takes all faults away.
    pub fn clear(&self) {
        self.shared.lock().faults.clear();
    }

    /// The requests it has answered.
    #[must_use]
    pub fn requests(&self) -> Vec<MirrorRequest> {
        self.shared.lock().requests.clone()
    }

    /// The whole of a published file; none when it is not published.
    #[must_use]
    pub fn file(&self, version: &str, system: &str, name: &str) -> Option<Vec<u8>> {
        let file = layout::find(&self.shared.releases, &format!("{version}/bin/{system}/{name}"))?;
        Some(Content::of(&file, self.shared.size).bytes())
    }
}

impl Drop for Mirror {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A thread that panicked has nothing left to clean up.
            drop(thread.join());
        }
    }
}

impl Builder {
    /// Publishes a release, for the machines that releases of its age are published for.
    #[must_use]
    pub fn release(mut self, version: Version) -> Self {
        self.releases.push(version);
        self
    }

    /// Makes every file so many bytes long.
    #[must_use]
    pub const fn size(mut self, bytes: u64) -> Self {
        self.size = bytes;
        self
    }

    /// Speaks TLS, with an authority of its own.
    #[must_use]
    pub const fn tls(mut self) -> Self {
        self.tls = true;
        self
    }

    /// Starts to serve, on a thread of its own.
    ///
    /// # Errors
    /// When there is no port, thread or certificate.
    pub fn start(self) -> io::Result<Mirror> {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let mut certificate = None;
        if self.tls {
            let pki = Pki::new(Timestamp::now(), None).map_err(io::Error::other)?;
            let leaf = pki.issue("MIRROR_SERVICE", "Mirror", &["localhost".to_owned()]);
            certificate = Some((pki.ca_pem().to_owned(), leaf.map_err(io::Error::other)?));
        }
        let acceptor =
            certificate.as_ref().map(|(_, leaf)| crate::central::acceptor(leaf)).transpose()?;
        let mut releases = self.releases;
        releases.sort();
        let shared = Arc::new(Shared { releases, size: self.size, state: Mutex::default() });
        let (stop, stopped) = oneshot::channel::<()>();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let serving = serve::accept(listener, acceptor, Arc::clone(&shared));
        let thread = std::thread::Builder::new().name("mirror".to_owned()).spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    () = serving => {}
                    // Ends when the other half is dropped.
                    _ = stopped => {}
                }
            });
        })?;
        let ca = certificate.map(|(ca, _)| ca);
        Ok(Mirror { shared, address, ca, stop: Some(stop), thread: Some(thread) })
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The first fault in force that `question` is about.
    fn find<T>(&self, question: impl FnMut(&MirrorFault) -> Option<T>) -> Option<T> {
        self.lock().faults.iter().find_map(question)
    }

    fn has(&self, wanted: &MirrorFault) -> bool {
        self.lock().faults.contains(wanted)
    }

    /// As [`Self::find`], for faults that wear out.
    fn spend<T>(
        &self,
        mut question: impl FnMut(&mut MirrorFault) -> Option<(T, u32)>,
    ) -> Option<T> {
        self.lock().faults.iter_mut().find_map(|fault| match question(fault) {
            Some((answer, left)) if left > 0 => Some(answer),
            _ => None,
        })
    }
}
