//! From what a cluster is to what brings its SCCs to a release's way: a pure function.

mod leaving;
mod refusal;
mod steps;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

use common::plan::{
    Basis, Course, Operation, PLAN_SCHEMA, Plan, Step, Write, basis_of, check_installed,
    check_manifest, choose_components, oldest, running,
};
use common::rhacs::hops::is_known_line;
use common::rhacs::images::ImageOptions;
use common::rhacs::rules::Facts;
use common::rhacs::scc::Era;
use common::rhacs::{Component, ObjectRef, Platform, Snapshot, Version};

pub use refusal::Refusal;

/// What the user asks for.
#[derive(Clone, Debug)]
pub struct Request {
    /// The release whose SCCs are wanted.
    pub to: Version,
    /// The parts that take part; empty for all that are installed.
    pub components: Vec<Component>,
    /// Whether the product's SCCs of other eras go away.
    pub prune: bool,
    /// Replaces every step's own time-out, in seconds.
    pub timeout_seconds: Option<u64>,
}

/// Plans the migration of the installation in `snapshot`.
///
/// # Errors
/// A [`Refusal`] when there is nothing this tool could do or should do.
pub fn plan(snapshot: &Snapshot, request: &Request) -> Result<Plan, Refusal> {
    check_installed(snapshot)?;
    if !is_known_line(&request.to) {
        return Err(Refusal::UnknownRelease { release: request.to.clone() });
    }
    if Era::of(&request.to) == Era::Bare {
        return Err(Refusal::BareEra { release: request.to.clone() });
    }
    let components = choose_components(snapshot, &request.components)?;
    check_manifest(snapshot, &request.to, &components)?;
    let before = running(snapshot);
    let from = oldest(snapshot, &before).ok_or(Refusal::VersionUnknown)?;
    let images = ImageOptions::default();
    let facts = Facts::new(snapshot, &from, &request.to, &images);
    let steps = steps::build(&facts, request, &components);
    Ok(sealed(snapshot, (from, request.to.clone()), components, steps, None))
}

/// The plan of `steps`, made for `snapshot`, from one version to another; `course` is that of a way
/// back.
#[must_use]
pub fn sealed(
    snapshot: &Snapshot,
    (from, to): (Version, Version),
    components: Vec<Component>,
    steps: Vec<Step>,
    course: Option<Course>,
) -> Plan {
    let basis: Vec<Basis> = basis_of(snapshot, &touched(&steps));
    Plan {
        schema: PLAN_SCHEMA,
        tool: format!("kubectl-rhacs {}", common::SUITE_VERSION),
        operation: Operation::Scc,
        cluster: snapshot.cluster.clone(),
        namespace: snapshot.namespace.clone(),
        platform: snapshot.platform.unwrap_or(Platform::OpenShift),
        from,
        to,
        components,
        before: running(snapshot),
        basis,
        steps,
        course,
        digest: String::new(),
    }
    .sealed()
}

fn touched(steps: &[Step]) -> Vec<ObjectRef> {
    steps.iter().flat_map(|step| step.action.writes()).map(Write::object).cloned().collect()
}
