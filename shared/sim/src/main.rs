//! The embedded cluster as a program: serves until it is interrupted.

use std::convert::Infallible;
use std::io::{self, BufRead, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use common::rehearsal::{Answer, Order, Serves};
use common::rhacs::{Platform, Version, official};
use secrecy::ExposeSecret;
use serde_json::Value;
use sim::clock::Clock;
use sim::simulation::Simulation;

type Failure = Box<dyn std::error::Error>;

/// An embedded cluster with an installation of RHACS.
#[derive(Parser)]
#[command(name = "rhacs-sim", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serve a cluster on loopback until Ctrl-C, and print how to use it.
    Serve(Serve),
    /// Serve what a plugin asks for on standard input, until that input ends.
    #[command(hide = true)]
    Rehearse,
}

#[derive(Args)]
struct Serve {
    /// Install the official objects of a release.
    #[arg(long, value_name = "VERSION", required_unless_present = "manifest")]
    sample: Option<Version>,
    /// Install the objects of a YAML file.
    #[arg(long, value_name = "FILE", conflicts_with = "sample")]
    manifest: Option<PathBuf>,
    /// The namespace of the sample.
    #[arg(long, value_name = "NAME", default_value = "stackrox")]
    namespace: String,
    /// Be an OpenShift cluster.
    #[arg(long)]
    openshift: bool,
    /// How much faster than real time the cluster lives, once it is up.
    #[arg(long, value_name = "FACTOR", default_value_t = 1.0)]
    speed: f64,
}

fn main() -> ExitCode {
    let command = Cli::parse().command;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let result = runtime.map_err(Failure::from).and_then(|runtime| match command {
        Command::Serve(serve) => runtime.block_on(run(serve)),
        Command::Rehearse => {
            let result = runtime.block_on(rehearse());
            // A read of standard input may still block.
            runtime.shutdown_background();
            result
        }
    });
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nothing is left to do if the terminal is gone too.
            let _ = writeln!(io::stderr(), "error: {}", chain(&*error));
            ExitCode::FAILURE
        }
    }
}

async fn run(serve: Serve) -> Result<(), Failure> {
    let objects = objects(&serve)?;
    let builder = Simulation::builder().objects(objects).openshift(serve.openshift);
    let simulation = builder.clock(Clock::scaled(1_000.0)).start().await?;
    simulation.clock().set_factor(serve.speed);
    for skipped in simulation.skipped() {
        writeln!(io::stderr(), "warning: `{skipped}` is of a kind that is not served")?;
    }
    // Only the owner may read a temporary file, and it goes when the program ends.
    let mut file =
        tempfile::Builder::new().prefix("rhacs-sim-").suffix(".kubeconfig").tempfile()?;
    file.write_all(simulation.kubeconfig().as_bytes())?;
    let mut out = io::stdout();
    writeln!(out, "# {} serves until Ctrl-C; use it with:", simulation.url())?;
    writeln!(out, "export KUBECONFIG={}", file.path().display())?;
    out.flush()?;
    tokio::signal::ctrl_c().await?;
    Ok(())
}

/// Serves a plugin: the order in, the answer out, then until the plugin is gone.
async fn rehearse() -> Result<(), Failure> {
    let order: Order = serde_json::from_str(&tokio::task::spawn_blocking(first_line).await??)?;
    if order.version != common::SUITE_VERSION {
        let reason =
            format!("`rhacs-sim` is version {}, not {}", common::SUITE_VERSION, order.version);
        return answer(&Answer::Failed { reason });
    }
    let clock = Clock::scaled(order.speed);
    let builder = Simulation::builder().objects(order.objects).openshift(order.openshift);
    let simulation = match builder.clock(clock).start().await {
        Ok(simulation) => simulation,
        Err(error) => return answer(&Answer::Failed { reason: chain(&error) }),
    };
    answer(&Answer::Serves(Serves {
        kubeconfig: simulation.kubeconfig(),
        central_token: simulation.admin_token().expose_secret().to_owned(),
        now: simulation.clock().now(),
    }))?;
    tokio::select! {
        end = tokio::task::spawn_blocking(|| io::copy(&mut io::stdin(), &mut io::sink())) => {
            end??;
        }
        // A terminal sends Ctrl-C to the plugin and to this program; the plugin still needs it.
        never = endure_interrupts() => match never {},
    }
    Ok(())
}

fn first_line() -> io::Result<String> {
    let mut line = String::new();
    // Not buffered beyond this call: what follows the line is only waited for, never read.
    io::stdin().lock().read_line(&mut line)?;
    Ok(line)
}

fn answer(answer: &Answer) -> Result<(), Failure> {
    let mut out = io::stdout();
    writeln!(out, "{}", serde_json::to_string(answer)?)?;
    out.flush()?;
    Ok(())
}

async fn endure_interrupts() -> Infallible {
    loop {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// An error with its causes, each once.
fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(deeper) = cause {
        text.push_str(&format!(": {deeper}"));
        cause = deeper.source();
    }
    text
}

fn objects(serve: &Serve) -> Result<Vec<Value>, Failure> {
    if let Some(version) = &serve.sample {
        let platform = if serve.openshift { Platform::OpenShift } else { Platform::Kubernetes };
        return Ok(official::objects(version, platform, &serve.namespace));
    }
    let Some(path) = &serve.manifest else { return Ok(Vec::new()) };
    let text = std::fs::read_to_string(path)
        .map_err(|error| format!("cannot read `{}`: {error}", path.display()))?;
    let documents: Vec<Value> = serde_saphyr::from_multiple(&text)
        .map_err(|error| format!("`{}` is no YAML: {error}", path.display()))?;
    Ok(documents.into_iter().filter(Value::is_object).collect())
}
