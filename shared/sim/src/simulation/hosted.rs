//! A simulation on a thread of its own, for callers that block: tests that run other programs.

use std::ops::Deref;
use std::thread::JoinHandle;

use tokio::sync::oneshot;

use super::{Builder, Error, Simulation};

/// A running simulation with its own thread; both end when this is dropped.
#[derive(Debug)]
pub struct Hosted {
    // Dropped first: its tasks still have their runtime then.
    simulation: Simulation,
    _thread: Thread,
}

#[derive(Debug)]
struct Thread {
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Deref for Hosted {
    type Target = Simulation;

    fn deref(&self) -> &Simulation {
        &self.simulation
    }
}

impl Drop for Thread {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A thread that panicked has nothing left to clean up.
            let _ = thread.join();
        }
    }
}

impl Builder {
    /// As [`Builder::start`], on a thread and a runtime of the simulation's own.
    ///
    /// # Errors
    /// Those of [`Builder::start`], and when there is no thread or runtime.
    pub fn start_blocking(self) -> Result<Hosted, Error> {
        let (started, starting) = std::sync::mpsc::channel();
        let (stop, stopped) = oneshot::channel::<()>();
        let thread = std::thread::Builder::new()
            .name("simulation".to_owned())
            .spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
                match runtime {
                    Err(error) => drop(started.send(Err(Error::Thread(error)))),
                    Ok(runtime) => runtime.block_on(async {
                        let result = self.start().await;
                        let runs = result.is_ok();
                        if started.send(result).is_ok() && runs {
                            // Ends when the other half is dropped.
                            let _ = stopped.await;
                        }
                    }),
                }
            })
            .map_err(Error::Thread)?;
        let thread = Thread { stop: Some(stop), thread: Some(thread) };
        let simulation =
            starting.recv().map_err(|error| Error::Thread(std::io::Error::other(error)))??;
        Ok(Hosted { simulation, _thread: thread })
    }
}
