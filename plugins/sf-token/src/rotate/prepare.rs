//! From the flags to a plan that stands, or to the reasons why nothing is done.

use common::exit::Exit;
use common::failure::Failure;
use common::plan::{Finding, Severity};
use jiff::{SignedDuration, Timestamp};
use secrecy::SecretString;

use super::duration::{Grace, Lifetime};
use super::expiry::Forecast;
use super::findings::{self, Asked};
use super::mistaken;
use super::plan::{Plan, Rotation, destinations};
use super::probe;
use super::steps::Steps;
use crate::api::{ApiError, Token, TokenName, Verdict};
use crate::deliver::clusters::{Clusters, Listener};
use crate::deliver::findings::{accept, finding, of_site, without_repetition};
use crate::deliver::site::Wishes;
use crate::deliver::survey::{Survey, survey};
use crate::deliver::{ClusterArgs, DestinationArgs, DryRun};
use crate::session::Session;
use crate::shell::quoted;

/// A secret that was made so short ago may not be known everywhere yet.
const STILL_SPREADING: SignedDuration = SignedDuration::from_mins(2);

/// What is wanted, from the flags of `rotate` or `sync`.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The token.
    pub name: &'a TokenName,
    /// The grace and the lifetime of a rotation; none to deliver the current secret.
    pub rotation: Option<(Grace, Option<Lifetime>)>,
    /// Where the secret goes.
    pub destinations: &'a DestinationArgs,
    /// How the clusters are reached.
    pub clusters: &'a ClusterArgs,
    /// Whether secrets are tested.
    pub verifies: bool,
    /// How far a dry run goes.
    pub dry_run: Option<DryRun>,
}

impl Request<'_> {
    /// The command that finishes what this one leaves undone.
    #[must_use]
    pub fn sync_command(&self) -> String {
        let mut flags = self.destinations.as_flags();
        for code in &self.destinations.accept {
            flags.push_str(&format!(" --accept {code}"));
        }
        if flags.is_empty() {
            // Where the secret goes is still to be said.
            flags.push_str("--to-…");
        }
        format!("sf-token sync {} {flags}", quoted(self.name.as_str()))
    }
}

/// What is known before anything is changed.
#[derive(Debug)]
pub struct Prepared {
    /// The token as it is.
    pub token: Token,
    /// The destinations as they are.
    pub survey: Survey,
    /// What will be done.
    pub plan: Plan,
    /// Whether the current secret was seen to work.
    pub verdict: Verdict,
}

/// Refuses flags that make no sense, before anything is asked.
///
/// # Errors
/// A usage failure that names the flag.
pub fn check_flags(session: &Session, request: Request<'_>) -> Result<(), Failure> {
    let args = request.destinations;
    if args.stdout && session.ui.output() != common::ui::Output::Table {
        return Err(Failure::usage("`--stdout` and `-o` both want standard output")
            .hint("use --output-file FILE or --exec COMMAND for the secret"));
    }
    if request.rotation.is_none() && args.is_empty() {
        return Err(Failure::usage("no destination is named, so there is nothing to deliver to")
            .hint("see `sf-token sync --help`; `sf-token show NAME` prints the secret"));
    }
    // A slip is told before anything is asked.
    accept(&mut [], &args.accept)
}

/// Looks at everything. Nothing is changed.
///
/// # Errors
/// When the token cannot be read, or a cluster is not described by the kubeconfig.
pub async fn prepare(
    session: &Session,
    request: Request<'_>,
    steps: &Steps,
) -> Result<Prepared, Failure> {
    let now = session.env.now();
    let token = session.client.get(request.name).await.map_err(|error| unread(request, error))?;
    let listener = Listener {
        events: steps.events().clone(),
        ui: session.ui.clone(),
        names_requests: session.verbose,
    };
    let clusters = Clusters::connect(request.destinations, request.clusters, &listener).await?;
    let args = request.destinations;
    let realm = session.client.place().realm().map(|realm| realm.to_string());
    let wishes = Wishes {
        token: request.name.as_str(),
        realm: realm.as_deref(),
        restarts: !args.no_restart,
        deletes_pods: args.delete_pods,
        tries_writes: request.dry_run != Some(DryRun::Client),
    };
    let (mut survey, verdict, usual) = tokio::join!(
        survey(args, &clusters, &session.env, wishes),
        probe_current(session, request, &token, steps),
        usual_lifetime(session, request)
    );
    let mut found = token_findings(request, &token, &survey, usual, now);
    found.extend(probe_finding(request, &verdict));
    found.append(&mut survey.findings);
    let current = token.secret.as_ref();
    for site in &survey.sites {
        found.extend(site_findings(request, site, current));
    }
    found.extend(mistaken::findings(&session.client, request, &token, &survey.sites).await);
    without_repetition(&mut found);
    accept(&mut found, &args.accept)?;
    let plan = Plan {
        token: request.name.to_string(),
        rotation: request.rotation.map(|(grace, lifetime)| {
            let expiry = Forecast::new(token.expiry, lifetime, usual, now);
            Rotation::new(request.name, grace, lifetime, expiry, now)
        }),
        destinations: destinations(args, &survey),
        findings: found,
    };
    Ok(Prepared { token, survey, plan, verdict })
}

/// The failure of a plan that must not be carried out; none when it may.
#[must_use]
pub fn refusal(plan: &Plan) -> Option<Failure> {
    let open: Vec<&Finding> =
        plan.findings.iter().filter(|finding| finding.is_blocking()).collect();
    let first = open.first()?;
    let what = if plan.rotation.is_some() { "not rotated" } else { "not delivered" };
    let mut failure =
        Failure::new(Exit::Blocked, format!("`{}` was {what}; nothing was changed", plan.token))
            .because(first.what.clone());
    for finding in open {
        let accept = if finding.severity == Severity::Accept {
            format!(" (or --accept {})", finding.code)
        } else {
            String::new()
        };
        failure = failure.hint(format!("{}: {}{accept}", finding.code, finding.fix));
    }
    Some(failure)
}

fn unread(request: Request<'_>, error: ApiError) -> Failure {
    let what = if request.rotation.is_some() { "not rotated" } else { "not delivered" };
    let failure =
        error.into_blocked(format!("`{}` was {what}: the token cannot be read", request.name));
    match request.name.without_brackets() {
        Some(inside) => failure.hint(format!("leave out the brackets of the guide: `{inside}`")),
        None => failure,
    }
}

async fn probe_current(
    session: &Session,
    request: Request<'_>,
    token: &Token,
    steps: &Steps,
) -> Verdict {
    let Some(secret) = token.secret.as_ref().filter(|_| request.verifies) else {
        return Verdict::Untold { reason: "nobody asked".to_owned() };
    };
    let (client, scope) = (&session.client, probe::scope(token));
    let age = token.latest_rotation.map(|rotated| session.env.now().duration_since(rotated));
    if request.rotation.is_some() || age.is_none_or(|age| age > STILL_SPREADING) {
        return probe::once(client, scope, secret).await;
    }
    let interrupt = &session.stop.interrupt;
    probe::patiently(client, scope, secret, steps.current(), steps.events(), interrupt).await
}

/// The lifetime that the organization gives a new secret of which nothing is said, where that
/// matters and the API tells it.
async fn usual_lifetime(session: &Session, request: Request<'_>) -> Option<Lifetime> {
    let (_, None) = request.rotation? else { return None };
    let organization = session.client.organization().await.ok()?;
    Lifetime::of_organization(organization.default_token_lifespan_ms?)
}

/// A rotation replaces a secret that does not work; delivering it would spread it.
fn probe_finding(request: Request<'_>, verdict: &Verdict) -> Option<Finding> {
    let Verdict::Refused { status, words } = verdict else { return None };
    let (severity, why) = if request.rotation.is_some() {
        (Severity::Warn, "whether the new one works cannot be told then")
    } else {
        (Severity::Accept, "what runs there now may work with another one")
    };
    Some(finding(
        "SF-PROBE",
        severity,
        format!("the current secret is refused with {status}: {words}"),
        why,
        "see that --realm, --api-url and --ingest-url belong together",
        "a probe with an empty list of events",
    ))
}

fn token_findings(
    request: Request<'_>,
    token: &Token,
    survey: &Survey,
    usual: Option<Lifetime>,
    now: Timestamp,
) -> Vec<Finding> {
    let to_collectors = !request.destinations.to_collector.is_empty();
    let Some((grace, lifetime)) = request.rotation else {
        let mut found: Vec<Finding> = findings::status(token, now).into_iter().collect();
        if token.secret.is_none() {
            found.push(finding(
                "SF-SECRET-UNREADABLE",
                Severity::Block,
                format!("the API does not show the secret of `{}` to this credential", token.name),
                "there is nothing to deliver",
                "use the session token of an admin",
                "token API",
            ));
        }
        found.extend(findings::scope(token, to_collectors));
        return found;
    };
    // Clusters restart at the same time, the workloads of one after each other.
    let estimate = survey.sites.iter().map(crate::deliver::Site::estimate_seconds).max();
    let asked = Asked {
        grace,
        lifetime,
        usual,
        estimate_seconds: if request.destinations.no_restart { 0 } else { estimate.unwrap_or(0) },
        to_collectors,
        nowhere: request.destinations.is_empty(),
    };
    findings::of_token(token, asked, now)
}

/// Before a rotation a Secret that holds another secret is suspicious; to a delivery it is the
/// reason. Where nothing will be written, nobody can undo it.
fn site_findings(
    request: Request<'_>,
    site: &crate::deliver::Site,
    current: Option<&SecretString>,
) -> Vec<Finding> {
    let restarts = !request.destinations.no_restart;
    if request.rotation.is_some() {
        return of_site(site, restarts, current);
    }
    let has_it = current.is_some_and(|current| site.state.holds(current));
    let mut found = of_site(site, restarts, None);
    if has_it {
        found.retain(|finding| !finding.code.starts_with("SF-OWNER-"));
    }
    found
}
