//! What the workloads run at the end of a run.

use serde_json::Value;

use super::cluster::ClusterExecutor;
use crate::cluster::rollout::{Progress, judge};
use crate::plan::Running;
use crate::rhacs::Workload;
use crate::run::report::ComponentReport;

impl ClusterExecutor {
    /// Each workload the plan knows, as it is now.
    pub(super) async fn component_reports(&self) -> Vec<ComponentReport> {
        let mut reports = Vec::new();
        for running in &self.plan.before {
            // A rollout that was waited for is remembered, so this asks only for what is left.
            match self.known.get_fresh(&self.cluster, &running.object).await {
                Ok(now) => reports.push(report(running, now.as_ref())),
                Err(error) => reports.push(ComponentReport {
                    note: format!("cannot be read: {error}"),
                    ..report(running, None)
                }),
            }
        }
        reports
    }
}

fn report(running: &Running, now: Option<&Value>) -> ComponentReport {
    let (is, progress) = match now {
        None => (String::new(), Progress::Failed { reason: "it does not exist".to_owned() }),
        Some(now) => {
            let workload = Workload::new(now);
            let container = workload
                .container(&running.container)
                .or_else(|| workload.init_container(&running.container));
            let image = container.map(|container| container.image().to_owned());
            (image.unwrap_or_default(), judge(now, 0))
        }
    };
    let (healthy, note) = match progress {
        Progress::Done => (true, String::new()),
        Progress::Waiting(message) => (false, message),
        Progress::Failed { reason } => (false, reason),
    };
    ComponentReport {
        component: running.component,
        object: running.object.clone(),
        container: running.container.clone(),
        was: running.image.clone(),
        is,
        healthy,
        note,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::rhacs::{Component, ObjectRef};

    #[test]
    fn a_workload_is_told_with_its_image_and_its_health() {
        let running = Running {
            component: Component::Central,
            object: ObjectRef::deployment("stackrox", "central"),
            container: "central".to_owned(),
            image: "main:1".to_owned(),
        };
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
}
