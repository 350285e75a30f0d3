//! `install`: which version, from where, into which directory; then the shared installation.

use common::env::Machine;
use common::exit::Exit;
use common::failure::Failure;
use common::roxctl::{
    InstallRequest, Installed, Limits, Place, Receipts, Release, RoxctlError, Source, Target,
    install, offered_by_central, os_name,
};
use common::run::Outcome;
use common::ui::Output;
use serde_json::json;

use crate::central::{self, Observed};
use crate::cli::{InstallArgs, Wanted};
use crate::session::Session;

/// Installs roxctl.
///
/// # Errors
/// Everything that keeps it from being there, verified.
pub async fn run(session: &Session, args: &InstallArgs) -> Result<Exit, Failure> {
    let own = session.env.machine();
    let machine = Machine { os: args.os.unwrap_or(own.os), arch: args.arch.unwrap_or(own.arch) };
    let bin_dir = args.bin_dir.as_ref().map(|directory| session.env.resolve(directory));
    let place = Place::choose(
        &session.system,
        machine,
        bin_dir.as_deref(),
        session.env.current_directory(),
    )
    .map_err(|error| error.into_failure("cannot install roxctl"))?;
    let sources = sources(session, args, machine).await?;
    let sources = published(sources, machine).map_err(failure)?;
    let request = |source| InstallRequest {
        source,
        machine,
        checksum: args.sha256,
        place: place.clone(),
        side_by_side: args.side_by_side,
        force: args.force,
    };
    let requests: Vec<InstallRequest> = sources.into_iter().map(request).collect();
    if args.dry_run.is_on() {
        return show(session, &requests);
    }
    if Receipts::read(&session.system).is_ok_and(|receipts| !receipts.are_kept()) {
        session
            .ui
            .warn("there is no home directory to keep a receipt in: `uninstall` will not know it");
    }
    let installed = install_from_first(session, &requests, args).await?;
    report(session, &installed)?;
    Ok(Exit::Done)
}

/// The sources to try, in order. What was asked for decides whether there is a second one.
async fn sources(
    session: &Session,
    args: &InstallArgs,
    machine: Machine,
) -> Result<Vec<Source>, Failure> {
    if let Some(path) = &args.file {
        let version = match &args.wanted {
            None => None,
            Some(Wanted::Version(version)) => Some(version.clone()),
            Some(Wanted::Central | Wanted::Latest) => {
                return Err(Failure::usage("`--file` is neither `central` nor `latest`")
                    .hint("name the version it should be, or none"));
            }
        };
        return Ok(vec![Source::File { path: session.env.resolve(path), version }]);
    }
    let mirror = session.mirror(&args.mirror)?;
    if mirror.is_unprotected() && args.sha256.is_none() {
        session.ui.warn(&format!(
            "`{}` is plain HTTP: its checksums come the same unprotected way; `--sha256` is safer",
            mirror.shown()
        ));
    }
    let prefers_mirror = args.mirror.url.is_some();
    let of_mirror = |release| Source::Mirror { mirror: mirror.clone(), release };
    match &args.wanted {
        Some(Wanted::Latest) => Ok(vec![of_mirror(Release::Latest)]),
        Some(Wanted::Central) => {
            let observed = central::observe(session).await?;
            from_central(&observed).map(|source| vec![source]).ok_or_else(|| {
                Failure::usage("Central gives roxctl to nobody without credentials")
                    .hint("put an API token into ROX_API_TOKEN, or leave out `central`")
            })
        }
        Some(Wanted::Version(version)) => {
            let may_have_it = offered_by_central(version).contains(&machine);
            let asks = may_have_it && !prefers_mirror && central::has_credentials(session)?;
            let observed = if asks { central::observe(session).await.ok() } else { None };
            let fitting = observed.filter(|observed| observed.version == *version);
            let mut sources: Vec<Source> =
                fitting.as_ref().and_then(from_central).into_iter().collect();
            sources.push(of_mirror(Release::Version(version.clone())));
            Ok(sources)
        }
        None => {
            let observed = central::observe(session).await.map_err(|failure| {
                failure
                    .hint("kubectl rhacs roxctl install latest")
                    .hint("kubectl rhacs roxctl install 4.8.3")
            })?;
            session.ui.say(&format!("Central runs {}", observed.version));
            let mut sources: Vec<Source> =
                from_central(&observed).filter(|_| !prefers_mirror).into_iter().collect();
            sources.push(of_mirror(Release::Version(observed.version)));
            Ok(sources)
        }
    }
}

/// Those that have the release for this machine.
fn published(sources: Vec<Source>, machine: Machine) -> Result<Vec<Source>, RoxctlError> {
    let mut refusal = None;
    let mut left = Vec::new();
    for source in sources {
        match source.check(machine) {
            Ok(()) => left.push(source),
            Err(error) => refusal = refusal.or(Some(error)),
        }
    }
    match refusal {
        Some(error) if left.is_empty() => Err(error),
        _ => Ok(left),
    }
}

fn from_central(observed: &Observed) -> Option<Source> {
    let client = observed.client.clone()?;
    let (version, is_trusted) = (observed.version.clone(), observed.is_trusted);
    Some(Source::Central { client, version, is_trusted })
}

async fn install_from_first(
    session: &Session,
    requests: &[InstallRequest],
    args: &InstallArgs,
) -> Result<Installed, Failure> {
    let limits = Limits { idle: session.patience(), total: args.timeout, ..Limits::default() };
    let mut rest = requests;
    while let Some((request, others)) = rest.split_first() {
        rest = others;
        let title = title(request);
        let result = session
            .step(
                title,
                async |teller| install(request, &session.system, &limits, teller).await,
                outcome,
            )
            .await;
        match result {
            Err(error) if error.is_about_source() && !rest.is_empty() => {
                session.ui.warn(&format!("{error}; trying the mirror instead"));
            }
            result => return result.map_err(failure),
        }
    }
    Err(Failure::unexpected("there is nothing to install roxctl from"))
}

fn failure(error: RoxctlError) -> Failure {
    error.into_failure("roxctl was not installed")
}

fn outcome(installed: &Installed) -> Outcome {
    if installed.changed {
        return Outcome::changed("verified and installed");
    }
    Outcome::unchanged("it was there already")
}

fn title(request: &InstallRequest) -> String {
    let source = request.source.describe();
    format!("Install roxctl {} from {source}", what(request))
}

fn what(request: &InstallRequest) -> String {
    let version = match &request.source {
        Source::Mirror { release, .. } => release.to_string(),
        Source::Central { version, .. } => version.to_string(),
        Source::File { version, .. } => {
            version.as_ref().map(ToString::to_string).unwrap_or_default()
        }
    };
    format!("{version} for {}", Target(request.machine)).trim_start().to_owned()
}

/// What would be done.
fn show(session: &Session, requests: &[InstallRequest]) -> Result<Exit, Failure> {
    let lines: Vec<_> = requests
        .iter()
        .map(|request| {
            json!({
                "version": request.source.version().map(ToString::to_string),
                "os": os_name(request.machine.os),
                "arch": request.machine.arch.name(),
                "source": request.source.describe(),
                "directory": request.place.directory,
                "reason": request.place.reason,
            })
        })
        .collect();
    session.ui.print(&lines, |_, _| {
        let mut text = String::new();
        for (index, request) in requests.iter().enumerate() {
            let before = if index == 0 { "would install" } else { "or, when that fails," };
            text.push_str(&format!(
                "{before} roxctl {} from {}\n",
                what(request),
                request.source.describe()
            ));
        }
        if let Some(request) = requests.first() {
            let directory = request.place.directory.display();
            text.push_str(&format!("into {directory}, {}\n", request.place.reason));
        }
        text
    })?;
    Ok(Exit::Done)
}

/// Prints what is there now, and what keeps a shell from finding it.
fn report(session: &Session, installed: &Installed) -> Result<(), Failure> {
    let path = installed.path.display();
    session.ui.print(installed, |output, look| {
        if output == Output::Name {
            return format!("{path}\n");
        }
        let version = installed.version.as_deref().unwrap_or("of unknown version");
        let verb = if installed.changed { "installed" } else { "there already" };
        let mut text = format!("roxctl {version} ({}) is {verb}: {path}\n", installed.machine);
        text.push_str(&format!("SHA-256 {}\n", installed.sha256));
        if let Some(replaced) = installed.replaced.as_ref().filter(|_| installed.changed) {
            text.push_str(&format!("it replaced roxctl {replaced}\n"));
        }
        look.text(&text)
    })?;
    let is_own = installed.machine == Target(session.env.machine()).to_string();
    if !is_own {
        return Ok(());
    }
    let reach = &installed.reach;
    if let Some(advice) = &reach.advice {
        session.ui.say(&format!("hint: its directory is not on the PATH: {advice}"));
    }
    if let Some(other) = &reach.shadowed_by {
        session.ui.warn(&format!(
            "a shell that is told `roxctl` runs `{}` instead: it comes earlier on the PATH",
            other.display()
        ));
    }
    Ok(())
}
