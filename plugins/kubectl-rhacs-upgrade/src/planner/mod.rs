//! From what a cluster is to what has to be done: a pure function.

mod refusal;
mod steps;
#[cfg(test)]
mod tests;

use common::plan::{
    Operation, PLAN_SCHEMA, Plan, Running, ScannerConfig, Write, basis_of, check_installed,
    check_manifest, choose_components, newer_than, oldest, running,
};
use common::rhacs::hops::{
    NEWEST_KNOWN, is_beyond_known, is_known_line, is_supported_target, path,
};
use common::rhacs::images::ImageOptions;
use common::rhacs::rules::Facts;
use common::rhacs::{Component, ObjectRef, Platform, Snapshot, Version};

pub use refusal::Refusal;

/// What the user asks for.
#[derive(Clone, Debug)]
pub struct Request {
    /// The version to go to.
    pub to: Version,
    /// The parts to upgrade; empty for all that are installed.
    pub components: Vec<Component>,
    /// Where images come from.
    pub images: ImageOptions,
    /// Where the backup is written; none to go without one.
    pub backup_directory: Option<String>,
    /// What happens to a scanner configuration of the user's own.
    pub scanner_config: ScannerConfig,
    /// Whether the Scanner's autoscaler keeps its limits, whatever the guide asks for.
    pub keep_replicas: bool,
    /// Whether roxctl of this version is installed on this computer.
    pub roxctl: bool,
    /// Whether the API token is revoked at the end.
    pub revoke_token: bool,
    /// Replaces every step's own time-out, in seconds.
    pub timeout_seconds: Option<u64>,
}

/// Plans the upgrade of the installation in `snapshot`.
///
/// # Errors
/// A [`Refusal`] when there is nothing this tool could do or should do.
pub fn plan(snapshot: &Snapshot, request: &Request) -> Result<Plan, Refusal> {
    check_installed(snapshot)?;
    let before = running(snapshot);
    let from = oldest(snapshot, &before).ok_or(Refusal::VersionUnknown)?;
    let components = choose_components(snapshot, &request.components)?;
    check_target(snapshot, request, &before, &from, &components)?;
    // Where Central was not asked, the other images tell.
    let told = snapshot.central.version.clone().or_else(|| Some(from.clone()));
    let images = ImageOptions { running: told, ..request.images.clone() };
    let facts = Facts::new(snapshot, &from, &request.to, &images);
    let facts = facts.keeping_replicas(request.keep_replicas);
    let steps = steps::build(&facts, request, &components)?;
    if !steps.is_empty() && !is_supported_target(&request.to) {
        return Err(Refusal::NoDirectPath { hops: path(&from, &request.to) });
    }
    let touched: Vec<ObjectRef> =
        steps.iter().flat_map(|step| step.action.writes()).map(Write::object).cloned().collect();
    let plan = Plan {
        schema: PLAN_SCHEMA,
        tool: format!("kubectl-rhacs {}", common::SUITE_VERSION),
        operation: Operation::Upgrade,
        cluster: snapshot.cluster.clone(),
        namespace: snapshot.namespace.clone(),
        platform: snapshot.platform.unwrap_or(Platform::Kubernetes),
        from,
        to: request.to.clone(),
        components,
        before,
        basis: basis_of(snapshot, &touched),
        steps,
        course: None,
        digest: String::new(),
    };
    Ok(plan.sealed())
}

fn check_target(
    snapshot: &Snapshot,
    request: &Request,
    before: &[Running],
    from: &Version,
    components: &[Component],
) -> Result<(), Refusal> {
    let to = &request.to;
    if is_beyond_known(to) {
        check_manifest(snapshot, to, components)?;
        let hops = if *from < NEWEST_KNOWN { path(from, &NEWEST_KNOWN) } else { Vec::new() };
        return Err(Refusal::BeyondKnown { to: to.clone(), hops });
    }
    if !is_known_line(to) {
        return Err(Refusal::UnknownTarget { to: to.clone() });
    }
    if let Some((object, version)) = newer_than(before, to) {
        return Err(Refusal::Lower {
            object: object.to_string(),
            version: version.to_string(),
            to: to.to_string(),
        });
    }
    check_manifest(snapshot, to, components)?;
    let hops = path(from, to);
    if from < to && (hops.len() > 1 || !is_supported_target(to)) {
        return Err(Refusal::NoDirectPath { hops });
    }
    Ok(())
}
