//! `apply`: roll back by a reviewed plan, exactly as it was reviewed.

use std::collections::BTreeMap;
use std::path::Path;

use common::checks::known_codes;
use common::command::{Session, apply, execute, prepare, propose_and_run};
use common::exit::Exit;
use common::failure::Failure;
use common::plan::{Course, Guide, Plan, Proposed, Step, Unfit};
use common::rhacs::images::{ImageOptions, Role};

use crate::gather::{follow, live};
use crate::planner::{self, Refusal, Request};

/// Reads the plan, refuses one that does not fit, and runs it. What has to be accepted is found out
/// anew: it may be more than when the plan was made.
///
/// # Errors
/// A plan that cannot be read, was edited, is for another cluster, or no longer fits.
pub async fn run(session: &Session, file: &Path) -> Result<Exit, Failure> {
    known_codes(session.tool.groups, &session.flags.run.accept)?;
    let mut plan = apply::read(session, file)?;
    let Some(course) = plan.course.clone() else {
        return Err(Failure::usage("the plan does not say by what it goes back")
            .hint(session.tool.command("plan … -o yaml > plan.yaml")));
    };
    execute::refuse_if_locked(session).await?;
    let (snapshot, central) = session.observe_all().await?;
    common::plan::check_installed(&snapshot).map_err(Unfit::into_failure)?;
    let touched = plan.basis.iter().map(|basis| basis.object.clone());
    let beyond = live(session, &snapshot, touched).await?;
    apply::fits(&session.tool, &plan, &snapshot, |object| {
        snapshot.find(object).or_else(|| beyond.get(object))
    })?;
    let (way, ground) = follow(session, &snapshot, &course.guide).await?;
    let fresh = planner::plan(&snapshot, &way, &request(&plan, &course), &ground);
    let fresh = fresh.map_err(Refusal::into_failure)?;
    if ids(&fresh.plan) != ids(&plan) {
        let reason = "Central's state has changed, so that the way back is another one now";
        return Err(apply::stale(&session.tool, reason));
    }
    execute::adjust(session, &mut plan);
    let reviewed = Proposed { plan, findings: fresh.findings };
    let prepared = prepare(session, snapshot, reviewed, central).await?;
    propose_and_run(session, prepared).await
}

/// What was asked for when the plan was made.
fn request(plan: &Plan, course: &Course) -> Request {
    let image = match course.guide {
        Guide::Image => planner::central_image(plan),
        Guide::Runs { .. } | Guide::Revision { .. } => None,
    };
    let overrides: BTreeMap<String, String> =
        image.map(|image| (Role::Main.to_string(), image)).into_iter().collect();
    Request {
        components: plan.components.clone(),
        force: course.forced.then(|| plan.to.clone()),
        images: ImageOptions { overrides, ..ImageOptions::default() },
        timeout_seconds: None,
    }
}

fn ids(plan: &Plan) -> Vec<&str> {
    plan.steps.iter().map(|step: &Step| step.id.as_str()).collect()
}
