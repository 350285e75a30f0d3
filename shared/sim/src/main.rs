//! The embedded cluster, or an embedded Splunk, as a program: serves until it is interrupted.

use std::convert::Infallible;
use std::io::{self, BufRead, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use common::rehearsal::{Answer, Order, Serves};
use common::rhacs::{Platform, Version, official};
use secrecy::ExposeSecret;
use serde_json::Value;
use sim::central::CentralOptions;
use sim::clock::Clock;
use sim::faults::Script;
use sim::simulation::Simulation;
use sim::splunk::{Seed, Splunk, Switches};
use tempfile::NamedTempFile;

type Failure = Box<dyn std::error::Error>;

/// An embedded cluster with an installation of RHACS, and what it talks to.
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
    /// Serve a Splunk Observability Cloud on loopback until Ctrl-C, and print how to use it.
    Splunk(ServeSplunk),
}

#[derive(Args)]
struct Serve {
    /// Install the official objects of a release.
    #[arg(long, value_name = "VERSION", required_unless_present = "manifest")]
    sample: Option<Version>,
    /// Install the objects of a YAML file.
    #[arg(long, value_name = "FILE", conflicts_with = "sample")]
    manifest: Option<PathBuf>,
    /// The namespace of the sample, and of what in the file needs one and names none.
    #[arg(long, value_name = "NAME", default_value = "stackrox")]
    namespace: String,
    /// Be an OpenShift cluster.
    #[arg(long)]
    openshift: bool,
    /// How much faster than real time the cluster lives, once it is up.
    #[arg(long, value_name = "FACTOR", default_value_t = 1.0)]
    speed: f64,
}

#[derive(Args)]
struct ServeSplunk {
    /// Have a token of this name with INGEST scope; may be given several times.
    #[arg(long = "token", value_name = "NAME", default_value = "Default")]
    tokens: Vec<String>,
    /// Have this many more tokens.
    #[arg(long, value_name = "COUNT", default_value_t = 0)]
    more: usize,
    /// Answer the questions that the documents leave open as a YAML file says.
    #[arg(long, value_name = "FILE")]
    switches: Option<PathBuf>,
    /// Fail as a YAML file says.
    #[arg(long, value_name = "FILE")]
    faults: Option<PathBuf>,
    /// Listen on this port; on a free one otherwise.
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    port: u16,
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
        Command::Splunk(serve) => runtime.block_on(run_splunk(serve)),
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
    let central = CentralOptions {
        auto_upgrade: true,
        // A sample stands for an installation with a volume wherever one belongs.
        loses_data: serve.sample.is_none(),
        ..CentralOptions::default()
    };
    let builder = Simulation::builder()
        .objects(objects)
        .namespace(&serve.namespace)
        .openshift(serve.openshift)
        .central(central);
    // What comes up faster than real time does so in the past, so that ages are right for clients.
    let simulation = builder.clock(Clock::scaled(serve.speed)).start().await?;
    for skipped in simulation.skipped() {
        writeln!(io::stderr(), "warning: `{skipped}` is of a kind that is not served")?;
    }
    let file = private_file(".kubeconfig", &simulation.kubeconfig())?;
    let mut out = io::stdout();
    writeln!(out, "# {} serves until Ctrl-C; use it with:", simulation.url())?;
    writeln!(out, "export KUBECONFIG={}", file.path().display())?;
    writeln!(out, "export ROX_API_TOKEN={}", simulation.admin_token().expose_secret())?;
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
    let central = CentralOptions {
        database_copy: order.database_copy,
        // A sample is a new installation, with a volume wherever one belongs.
        auto_upgrade: order.sample,
        loses_data: !order.sample,
        ..CentralOptions::default()
    };
    let mut builder =
        Simulation::builder().objects(order.objects).openshift(order.openshift).central(central);
    builder = builder.server(order.server);
    if !order.built_in_constraints {
        builder = builder.without_built_in_constraints();
    }
    if let Some(namespace) = &order.namespace {
        builder = builder.namespace(namespace);
    }
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

async fn run_splunk(serve: ServeSplunk) -> Result<(), Failure> {
    let read = |path: &PathBuf| {
        std::fs::read_to_string(path)
            .map_err(|error| format!("cannot read `{}`: {error}", path.display()))
    };
    let mut builder = Splunk::builder().port(serve.port);
    if let Some(path) = &serve.switches {
        builder = builder.switches(Switches::parse(&read(path)?)?);
    }
    if let Some(path) = &serve.faults {
        builder = builder.faults(Script::parse(&read(path)?)?);
    }
    let more = (1..=serve.more).map(|number| format!("token-{number:05}"));
    let seeds = serve.tokens.into_iter().chain(more).map(|name| Seed::ingest(&name));
    let splunk = builder.tokens(seeds).start().await?;
    let authority = private_file(".pem", splunk.ca_pem())?;
    let token = private_file(".token", splunk.admin_token().expose_secret())?;
    let mut out = io::stdout();
    writeln!(out, "# serves until Ctrl-C, also as {}", splunk.plain_url())?;
    writeln!(out, "# the authority's certificate: {}", authority.path().display())?;
    writeln!(out, "# a session token of the admin: {}", token.path().display())?;
    writeln!(out, "export SFX_API_URL={}", splunk.url())?;
    writeln!(out, "export SSL_CERT_FILE={}", authority.path().display())?;
    out.flush()?;
    tokio::signal::ctrl_c().await?;
    Ok(())
}

/// A file that only its owner may read, and that goes when the program ends.
fn private_file(suffix: &str, text: &str) -> Result<NamedTempFile, Failure> {
    let mut file = tempfile::Builder::new().prefix("rhacs-sim-").suffix(suffix).tempfile()?;
    file.write_all(text.as_bytes())?;
    Ok(file)
}

fn objects(serve: &Serve) -> Result<Vec<Value>, Failure> {
    if let Some(version) = &serve.sample {
        let platform = if serve.openshift { Platform::OpenShift } else { Platform::Kubernetes };
        return Ok(official::sample(version, platform, &serve.namespace));
    }
    let Some(path) = &serve.manifest else { return Ok(Vec::new()) };
    let text = std::fs::read_to_string(path)
        .map_err(|error| format!("cannot read `{}`: {error}", path.display()))?;
    let documents: Vec<Value> = common::yaml::documents(&text)
        .map_err(|error| format!("`{}` is no YAML: {error}", path.display()))?;
    Ok(documents.into_iter().filter(Value::is_object).collect())
}
