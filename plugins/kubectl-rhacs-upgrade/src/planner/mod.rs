//! From what a cluster is to what has to be done: a pure function.

mod refusal;
mod running;
mod steps;
#[cfg(test)]
mod tests;

use common::plan::{Basis, Operation, PLAN_SCHEMA, Plan, ScannerConfig, Write, basis_digest};
use common::rhacs::hops::{is_known_line, is_supported_target, path};
use common::rhacs::images::ImageOptions;
use common::rhacs::rules::Facts;
use common::rhacs::{Component, InstallMethod, ObjectRef, Platform, Snapshot, Version};

pub use refusal::Refusal;
pub use running::running;

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
    let from = running::oldest(snapshot, &before).ok_or(Refusal::VersionUnknown)?;
    check_target(snapshot, request, &before, &from)?;
    let components = components(snapshot, request)?;
    let images =
        ImageOptions { running: snapshot.central.version.clone(), ..request.images.clone() };
    let facts = Facts::new(snapshot, &from, &request.to, &images);
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
        basis: basis(snapshot, &touched),
        steps,
        digest: String::new(),
    };
    Ok(plan.sealed())
}

/// The objects of `plan` that are no longer as they were when it was made, as of `snapshot`.
#[must_use]
pub fn moved(plan: &Plan, snapshot: &Snapshot) -> Vec<ObjectRef> {
    let touched: Vec<ObjectRef> = plan.basis.iter().map(|basis| basis.object.clone()).collect();
    let now = basis(snapshot, &touched);
    let pairs = plan.basis.iter().zip(&now);
    pairs.filter(|(then, now)| then != now).map(|(then, _)| then.object.clone()).collect()
}

/// Whether there is anything to look at.
///
/// # Errors
/// When the namespace does not exist, or has none of the product's Deployments.
pub fn check_installed(snapshot: &Snapshot) -> Result<(), Refusal> {
    if !snapshot.namespace_exists {
        return Err(Refusal::NoNamespace { namespace: snapshot.namespace.clone() });
    }
    let installed = Component::ALL.into_iter().any(|component| is_installed(snapshot, component));
    if !installed {
        return Err(Refusal::NotInstalled { namespace: snapshot.namespace.clone() });
    }
    Ok(())
}

fn check_target(
    snapshot: &Snapshot,
    request: &Request,
    before: &[common::plan::Running],
    from: &Version,
) -> Result<(), Refusal> {
    let to = &request.to;
    if !is_known_line(to) {
        return Err(Refusal::UnknownTarget { to: to.clone() });
    }
    if let Some((object, version)) = running::newer_than(before, to) {
        return Err(Refusal::Lower {
            object: object.to_string(),
            version: version.to_string(),
            to: to.to_string(),
        });
    }
    match InstallMethod::detect(snapshot) {
        InstallMethod::Manifest => {}
        method => {
            let commands = method.own_commands(&snapshot.namespace, to);
            return Err(Refusal::ManagedElsewhere { method, commands });
        }
    }
    let hops = path(from, to);
    if from < to && (hops.len() > 1 || !is_supported_target(to)) {
        return Err(Refusal::NoDirectPath { hops });
    }
    Ok(())
}

fn components(snapshot: &Snapshot, request: &Request) -> Result<Vec<Component>, Refusal> {
    let mut asked = request.components.clone();
    asked.sort_unstable();
    asked.dedup();
    if let Some(missing) = asked.iter().find(|component| !is_installed(snapshot, **component)) {
        let namespace = snapshot.namespace.clone();
        return Err(Refusal::ComponentMissing { component: *missing, namespace });
    }
    if asked.is_empty() {
        asked = Component::ALL.into();
        asked.retain(|component| is_installed(snapshot, *component));
    }
    Ok(asked)
}

fn is_installed(snapshot: &Snapshot, component: Component) -> bool {
    let name = match component {
        Component::Central => "central",
        Component::Scanner => "scanner",
        Component::Secured => "sensor",
    };
    snapshot.deployment(name).is_some()
}

fn basis(snapshot: &Snapshot, objects: &[ObjectRef]) -> Vec<Basis> {
    let mut basis: Vec<Basis> = Vec::new();
    for object in objects {
        if basis.iter().any(|known| known.object == *object) {
            continue;
        }
        let live = snapshot.find(object);
        basis.push(Basis {
            object: object.clone(),
            uid: live.and_then(|live| live["metadata"]["uid"].as_str()).map(str::to_owned),
            digest: live.map(basis_digest),
        });
    }
    basis
}
