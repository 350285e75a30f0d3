//! The embedded cluster as a program: serves until it is interrupted.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Args, Parser, Subcommand};
use sim::api::{Options, Server};
use sim::store::{Store, Writer};

/// An embedded cluster.
#[derive(Parser)]
#[command(name = "rhacs-sim")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serve an API server on loopback until Ctrl-C.
    Serve(Serve),
}

#[derive(Args)]
struct Serve {
    /// Load the objects of a YAML file.
    #[arg(long, value_name = "FILE")]
    manifest: Option<PathBuf>,
    /// Be OpenShift.
    #[arg(long)]
    openshift: bool,
}

fn main() -> ExitCode {
    let Command::Serve(serve) = Cli::parse().command;
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&error),
    };
    match runtime.block_on(run(serve)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&*error),
    }
}

fn fail(error: &dyn std::error::Error) -> ExitCode {
    // Nothing is left to do if the terminal is gone too.
    let _ = writeln!(std::io::stderr(), "error: {error}");
    ExitCode::FAILURE
}

async fn run(serve: Serve) -> Result<(), Box<dyn std::error::Error>> {
    let mut options = Options::new(Store::new(Arc::new(jiff::Timestamp::now)));
    options.openshift = serve.openshift;
    let running = Server::start(options).await?;
    if let Some(path) = serve.manifest {
        let text = std::fs::read_to_string(path)?;
        sim::store::load::text(running.store(), &text, &Writer::new("kubectl"))?;
    }
    let mut file = tempfile::Builder::new().prefix("kubeconfig-").tempfile()?;
    file.write_all(running.kubeconfig("admin").as_bytes())?;
    let mut out = std::io::stdout();
    writeln!(out, "export KUBECONFIG={}", file.path().display())?;
    out.flush()?;
    tokio::signal::ctrl_c().await?;
    Ok(())
}
