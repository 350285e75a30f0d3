//! From what an installation is, and what is known of its past, to the way back: a pure function.

mod central;
mod difference;
mod findings;
mod records;
mod refusal;
mod revision;
mod steps;
#[cfg(test)]
mod tests;
mod view;

use common::plan::{
    Basis, Course, Guide, Operation, PLAN_SCHEMA, Plan, Proposed, Step, Write, check_installed,
    check_managers, choose_components, oldest, running, state,
};
use common::rhacs::images::ImageOptions;
use common::rhacs::{Component, ManagedPart, ObjectRef, Platform, Snapshot, Version};
use common::run::Record;

pub use findings::DEFINITIONS;
pub use refusal::Refusal;
pub use revision::{Revision, revisions};
pub use view::Ground;

use findings::Told;
use steps::Part;
use view::View;

/// The ways back.
#[derive(Clone, Debug)]
pub enum Way {
    /// Take these runs back: newest first, the last one is where to go back to.
    Records {
        /// The runs.
        records: Vec<Record>,
        /// Whether the user named the last one, rather than leaving the choice to the tool.
        is_named: bool,
    },
    /// Give Central the template of an earlier revision.
    Revision {
        /// Its number; none for the newest one of another version.
        number: Option<u64>,
    },
    /// Give Central the image of an older version, whatever else has changed.
    Image,
}

impl Way {
    /// The records it goes by, newest first.
    #[must_use]
    pub fn records(&self) -> &[Record] {
        match self {
            Self::Records { records, .. } => records,
            Self::Revision { .. } | Self::Image => &[],
        }
    }
}

/// What the user asks for.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// The parts to roll back; empty for Central alone.
    pub components: Vec<Component>,
    /// The version to force Central back to; that data is lost by it is accepted.
    pub force: Option<Version>,
    /// Where Central's image comes from when only the image is put back.
    pub images: ImageOptions,
    /// Replaces every step's own time-out, in seconds.
    pub timeout_seconds: Option<u64>,
}

/// Plans the way back.
///
/// # Errors
/// A [`Refusal`] when there is no way, or none that this tool should go.
pub fn plan(
    snapshot: &Snapshot,
    way: &Way,
    request: &Request,
    ground: &Ground,
) -> Result<Proposed, Refusal> {
    check_installed(snapshot)?;
    let view = View { snapshot, ground };
    let asked = match request.components.as_slice() {
        [] => &[Component::Central][..],
        asked => asked,
    };
    let components = choose_components(snapshot, asked)?;
    let now = central_version(view);
    let (mut parts, mut told) = parts(view, way, request, &components)?;
    let components = told.without_upgraders_part(view, way, components, &parts)?;
    let (from, to) = versions(view, way, &parts, now.as_ref())?;
    check_method(snapshot, &components, &to)?;
    check_asked(request, &to)?;
    let changes_version = from != to && parts.iter().any(|part| changes_image(view, part));
    if changes_version || view.is_refused() && components.contains(&Component::Central) {
        central::lead_back(view, request, (&from, &to), &mut parts, &mut told)?;
    }
    let steps = steps::build(view, request, parts, &to);
    told.look(view, way, (&from, &to), &components, &steps);
    let course =
        Course { guide: guide(view, way, told.is_whole())?, forced: request.force.is_some() };
    let plan = sealed(view, (from, to), components, course, steps);
    Ok(Proposed { plan, findings: told.into_findings() })
}

/// The way back of a run that failed at Central, for `upgrade --rollback-on-failure`: only Central,
/// without asking, since a Central that never served has nothing to lose.
///
/// # Errors
/// A [`Refusal`] when there is no way.
pub fn way_back_of_failed_run(
    record: &Record,
    snapshot: &Snapshot,
    ground: &Ground,
    timeout_seconds: Option<u64>,
) -> Result<Proposed, Refusal> {
    let way = Way::Records { records: vec![record.clone()], is_named: true };
    let force = Some(record.plan.from.clone());
    let request = Request { force, timeout_seconds, ..Request::default() };
    plan(snapshot, &way, &request, ground)
}

/// The image that `plan` gives to Central; none when it leaves Central's alone.
#[must_use]
pub fn central_image(plan: &Plan) -> Option<String> {
    plan.steps.iter().find_map(|step| steps::central_image(step, &plan.namespace))
}

/// The objects that the way back through `records` needs to know and that a snapshot may lack.
#[must_use]
pub fn touched(records: &[Record], namespace: &str) -> Vec<ObjectRef> {
    let mut all = vec![central::config_of(namespace)];
    for captured in records.iter().flat_map(|record| record.captured.values()).flatten() {
        if !all.contains(&captured.object) {
            all.push(captured.object.clone());
        }
    }
    all
}

fn parts(
    view: View<'_>,
    way: &Way,
    request: &Request,
    components: &[Component],
) -> Result<(Vec<Part>, Told), Refusal> {
    let mut told = Told::default();
    let parts = match way {
        Way::Records { records, .. } => records::parts(view, records, components, &mut told),
        Way::Revision { number } => {
            only_central(components)?;
            let chosen = revision::choose(&view.ground.revisions, *number)?;
            central::revision_part(view, &chosen)?.into_iter().collect()
        }
        Way::Image => {
            only_central(components)?;
            let to = request.force.as_ref().ok_or(Refusal::ForceWithoutVersion)?;
            central::image_part(view, to, &request.images)?.into_iter().collect()
        }
    };
    Ok((parts, told))
}

fn only_central(components: &[Component]) -> Result<(), Refusal> {
    match components.iter().find(|component| **component != Component::Central) {
        Some(component) => Err(Refusal::NeedsRecord { component: *component }),
        None => Ok(()),
    }
}

/// What the plan says of the way that was chosen.
fn guide(view: View<'_>, way: &Way, whole: bool) -> Result<Guide, Refusal> {
    Ok(match way {
        Way::Records { records, is_named } => Guide::Runs {
            runs: records.iter().map(|record| record.id.clone()).collect(),
            named: *is_named,
            whole,
        },
        Way::Revision { number } => {
            let chosen = revision::choose(&view.ground.revisions, *number)?;
            Guide::Revision { number: chosen.number }
        }
        Way::Image => Guide::Image,
    })
}

/// From which version to which: those of Central's image where it changes, else those of the runs.
fn versions(
    view: View<'_>,
    way: &Way,
    parts: &[Part],
    now: Option<&Version>,
) -> Result<(Version, Version), Refusal> {
    let namespace = &view.snapshot.namespace;
    let central = parts.iter().find(|part| part.is_central(namespace));
    let told = central.and_then(|part| part.central_image(namespace));
    let told = told.as_deref().and_then(revision::version_of);
    let recorded = match way {
        Way::Records { records, .. } => recorded_versions(records),
        Way::Revision { .. } | Way::Image => None,
    };
    let from = match (&recorded, now) {
        (Some((to, _)), _) if central.is_none() => Some(to.clone()),
        (_, Some(now)) => Some(now.clone()),
        (recorded, None) => recorded.as_ref().map(|(to, _)| to.clone()),
    };
    let to = told.or_else(|| recorded.map(|(_, from)| from)).or_else(|| now.cloned());
    from.zip(to).ok_or(Refusal::VersionUnknown)
}

/// From which version to which the runs have led; a run of `scc` leaves every version as it is.
fn recorded_versions(records: &[Record]) -> Option<(Version, Version)> {
    let mut moved = records.iter().filter(|record| record.operation != Operation::Scc);
    match moved.next() {
        Some(newest) => {
            let oldest = moved.next_back().unwrap_or(newest);
            Some((newest.plan.to.clone(), oldest.plan.from.clone()))
        }
        None => records.last().map(|record| {
            let ran =
                if record.plan.course.is_some() { &record.plan.to } else { &record.plan.from };
            (ran.clone(), ran.clone())
        }),
    }
}

/// Whether a part gives Central another image than the one it has.
fn changes_image(view: View<'_>, part: &Part) -> bool {
    let namespace = &view.snapshot.namespace;
    let central = view.snapshot.deployment("central");
    let now = central.and_then(|central| Some(central.container("central")?.image().to_owned()));
    part.is_central(namespace) && part.central_image(namespace) != now
}

/// The version of Central's image, else what Central says itself.
fn central_version(view: View<'_>) -> Option<Version> {
    let central = view.snapshot.deployment("central");
    let image = central.and_then(|central| Some(central.container("central")?.image().to_owned()));
    let said = view.snapshot.central.version.clone();
    let image = image.as_deref().and_then(revision::version_of);
    image.or(said).or_else(|| oldest(view.snapshot, &running(view.snapshot)))
}

fn check_method(
    snapshot: &Snapshot,
    components: &[Component],
    to: &Version,
) -> Result<(), Refusal> {
    let own = |part: &ManagedPart, _| refusal::own_way_back(part, &snapshot.namespace, to);
    Ok(check_managers(snapshot, components, own)?)
}

/// A version that was asked for is the one that is gone to.
fn check_asked(request: &Request, to: &Version) -> Result<(), Refusal> {
    match &request.force {
        Some(asked) if asked != to => {
            Err(Refusal::OtherVersion { asked: asked.clone(), found: to.clone() })
        }
        _ => Ok(()),
    }
}

fn sealed(
    view: View<'_>,
    (from, to): (Version, Version),
    components: Vec<Component>,
    course: Course,
    steps: Vec<Step>,
) -> Plan {
    let snapshot = view.snapshot;
    let plan = Plan {
        schema: PLAN_SCHEMA,
        tool: format!("kubectl-rhacs {}", common::SUITE_VERSION),
        operation: Operation::Rollback,
        cluster: snapshot.cluster.clone(),
        namespace: snapshot.namespace.clone(),
        platform: snapshot.platform.unwrap_or(Platform::Kubernetes),
        from,
        to,
        components,
        before: running(snapshot),
        basis: basis(view, &steps),
        steps,
        course: Some(course),
        digest: String::new(),
    };
    plan.sealed()
}

/// The state of each object that is written; those a snapshot lacks are in the ground.
fn basis(view: View<'_>, steps: &[Step]) -> Vec<Basis> {
    let mut all: Vec<Basis> = Vec::new();
    for object in steps.iter().flat_map(|step| step.action.writes()).map(Write::object) {
        if all.iter().all(|known| known.object != *object) {
            all.push(state(object, view.now(object)));
        }
    }
    all
}
