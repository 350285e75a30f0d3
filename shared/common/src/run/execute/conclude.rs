//! What the workloads run at the end of a run, and what they should run.

use std::collections::BTreeMap;

use serde_json::Value;

use super::cluster::ClusterExecutor;
use crate::cluster::rollout::{Progress, counts, judge};
use crate::plan::{Before, Operation, Plan, Running, Write};
use crate::rhacs::images::{Image, Role};
use crate::rhacs::{Component, ObjectRef, Workload};
use crate::run::report::ComponentReport;

/// The image each container has to run, by workload and container; a workload that the plan deletes
/// is not in it.
pub(super) type Wanted = BTreeMap<(ObjectRef, String), String>;

impl ClusterExecutor {
    /// Each workload the plan knows, as it is now.
    pub(super) async fn component_reports(&self) -> Vec<ComponentReport> {
        let wanted = wanted_images(&self.plan);
        let mut reports = Vec::new();
        for running in &self.plan.before {
            // A rollout that was waited for is remembered, so this asks only for what is left.
            match self.known.get_fresh(&self.cluster, &running.object).await {
                Ok(now) => reports.push(row(&self.plan, running, &wanted, now.as_ref())),
                Err(error) => reports.push(ComponentReport {
                    note: format!("cannot be read: {error}"),
                    ..row(&self.plan, running, &wanted, None)
                }),
            }
        }
        reports
    }
}

/// The images that the workloads of `plan` run once all its steps are done.
pub(super) fn wanted_images(plan: &Plan) -> Wanted {
    let mut wanted: Wanted = plan
        .before
        .iter()
        .map(|it| ((it.object.clone(), it.container.clone()), it.image.clone()))
        .collect();
    if plan.awaits_upgrader() {
        for running in plan.before.iter().filter(|it| it.component == Component::Secured) {
            let place = (running.object.clone(), running.container.clone());
            match of_version(running, plan) {
                Some(image) => drop(wanted.insert(place, image)),
                None => drop(wanted.remove(&place)),
            }
        }
    }
    for write in plan.steps.iter().flat_map(|step| step.action.writes()) {
        let object = write.object();
        let template = match write {
            Write::Delete { .. } => {
                wanted.retain(|(of, _), _| of != object);
                continue;
            }
            Write::Patch { body, .. } => body,
            Write::Apply { manifest, .. }
            | Write::Restore { before: Before::Manifest { manifest }, .. } => manifest,
            Write::Restore { before: Before::Recorded { .. }, .. } => continue,
        };
        for container in Workload::new(template).all_containers() {
            let place = (object.clone(), container.name().to_owned());
            if !container.image().is_empty()
                && let Some(image) = wanted.get_mut(&place)
            {
                container.image().clone_into(image);
            }
        }
    }
    wanted
}

/// What Central's upgrader makes of an image; only that of main has the product's version.
fn of_version(running: &Running, plan: &Plan) -> Option<String> {
    let image = Image::classify(&running.image).filter(|image| image.role == Role::Main)?;
    let (repository, tag) = running.image.rsplit_once(':')?;
    (image.tag.as_deref() == Some(tag)).then(|| format!("{repository}:{}", plan.to))
}

/// Whether `image` is that of main in the version the plan goes to, whatever its repository.
fn is_main_of(image: &str, plan: &Plan) -> bool {
    let image = Image::classify(image).filter(|image| image.role == Role::Main);
    image.and_then(|image| image.version()).is_some_and(|version| version == plan.to)
}

/// The row of one container: what it was, is and should be.
pub(super) fn row(
    plan: &Plan,
    running: &Running,
    wanted: &Wanted,
    now: Option<&Value>,
) -> ComponentReport {
    let (is, (healthy, note)) = match now {
        None => (String::new(), (false, "it does not exist".to_owned())),
        Some(now) => {
            let workload = Workload::new(now);
            let container = workload
                .container(&running.container)
                .or_else(|| workload.init_container(&running.container));
            let image = container.map(|container| container.image().to_owned());
            (image.unwrap_or_default(), health(now))
        }
    };
    let place = (running.object.clone(), running.container.clone());
    let mut wanted = wanted.get(&place).cloned().unwrap_or_default();
    if running.component == Component::Secured && plan.awaits_upgrader() && is_main_of(&is, plan) {
        // Central's upgrader takes the repository that Central itself is configured with.
        wanted.clone_from(&is);
    }
    let deletes =
        |write: &Write| matches!(write, Write::Delete { object } if *object == running.object);
    let is_deleted = plan.steps.iter().flat_map(|step| step.action.writes()).any(deletes);
    ComponentReport {
        component: running.component,
        object: running.object.clone(),
        container: running.container.clone(),
        was: running.image.clone(),
        is,
        wanted,
        // A run about SCCs answers for them alone.
        part_of_run: plan.components.contains(&running.component)
            && plan.operation != Operation::Scc
            && !is_deleted,
        healthy,
        note,
    }
}

/// Whether pods of the newest template serve, all there should be, and what is missing. A workload
/// without pods is not ill, but nothing of it serves.
pub(crate) fn health(workload: &Value) -> (bool, String) {
    match (judge(workload, 0), counts(workload)) {
        (Progress::Done, (_, 0)) => {
            let reason = match workload["kind"].as_str() {
                Some("DaemonSet") => "no node is to run it",
                _ => "it is scaled to 0",
            };
            (false, format!("{reason}: nothing of it runs"))
        }
        (Progress::Done, _) => (true, String::new()),
        (Progress::Waiting(message), _) => (false, message),
        (Progress::Failed { reason }, _) => (false, reason),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::plan::Action;
    use crate::plan::{PatchKind, Write};
    use crate::run::testing::plan_of;

    #[test]
    fn a_workload_is_told_with_its_image_and_its_health() {
        let running = Running {
            component: Component::Central,
            object: ObjectRef::deployment("stackrox", "central"),
            container: "central".to_owned(),
            image: "main:1".to_owned(),
        };
        let plan = plan_of(&["central"]);
        let report =
            |running: &Running, now: Option<&Value>| row(&plan, running, &Wanted::new(), now);
        let mut now = json!({
            "kind": "Deployment", "metadata": {"name": "central", "generation": 2},
            "spec": {"replicas": 1, "template": {"spec": {"containers": [
                {"name": "central", "image": "main:2"}]}}},
            "status": {"observedGeneration": 2, "replicas": 1, "updatedReplicas": 1,
                       "readyReplicas": 1, "availableReplicas": 1},
        });
        let told = report(&running, Some(&now));
        assert_eq!((told.was.as_str(), told.is.as_str(), told.healthy), ("main:1", "main:2", true));
        now["status"]["availableReplicas"] = json!(0);
        let told = report(&running, Some(&now));
        assert!(!told.healthy && !told.note.is_empty());
        let told = report(&running, None);
        assert_eq!((told.is.as_str(), told.note.as_str()), ("", "it does not exist"));
    }

    #[test]
    fn a_workload_without_pods_is_not_called_healthy() {
        let status = json!({"observedGeneration": 2});
        let deployment = json!({"kind": "Deployment", "metadata": {"generation": 2},
                                "spec": {"replicas": 0}, "status": status});
        let none = health(&deployment);
        assert_eq!(none, (false, "it is scaled to 0: nothing of it runs".to_owned()));
        let daemon_set =
            json!({"kind": "DaemonSet", "metadata": {"generation": 2}, "status": status});
        assert_eq!(health(&daemon_set).1, "no node is to run it: nothing of it runs");
    }

    #[test]
    fn the_plan_says_what_each_container_has_to_run() {
        let running = |name: &str, component: Component, image: &str| Running {
            component,
            object: ObjectRef::deployment("stackrox", name),
            container: name.to_owned(),
            image: image.to_owned(),
        };
        let mut plan = plan_of(&["central", "old"]);
        plan.before = vec![
            running("central", Component::Central, "main:3.62.1"),
            running("old", Component::Central, "main:3.62.1"),
            running("sensor", Component::Secured, "stackrox.io/main:3.62.1"),
        ];
        let body = json!({"spec": {"template": {"spec": {"containers": [
            {"name": "central", "image": "main:3.69.2"}, {"name": "proxy", "image": "p"}]}}}});
        let object = |name: &str| ObjectRef::deployment("stackrox", name);
        let (patch, central) = (PatchKind::Strategic, object("central"));
        plan.steps[0].action =
            Action::Write { writes: vec![Write::Patch { object: central, patch, body }] };
        plan.steps[1].action =
            Action::Write { writes: vec![Write::Delete { object: object("old") }] };
        let image = |plan: &Plan, name: &str| {
            wanted_images(plan).get(&(object(name), name.to_owned())).cloned()
        };
        assert_eq!(image(&plan, "central").as_deref(), Some("main:3.69.2"));
        assert_eq!(image(&plan, "old"), None);
        assert_eq!(image(&plan, "sensor").as_deref(), Some("stackrox.io/main:3.62.1"));
        let version = plan.to.clone();
        plan.steps[1].action = Action::AwaitUpgrader { version };
        assert_eq!(image(&plan, "sensor").as_deref(), Some("stackrox.io/main:3.69.2"));
    }
}
