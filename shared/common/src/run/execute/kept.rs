//! Whether what a run wrote is still there, and who took it back.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::PoisonError;
use std::time::Duration;

use futures_util::future::try_join_all;
use serde_json::Value;
use tokio::time::Instant;

use super::cluster::{ClusterExecutor, Deadline};
use super::conclude::{row, wanted_images};
use super::promise::{Broken, Promise, promises};
use super::strangers::{Stranger, strangers};
use super::writer::writer;
use super::{StepContext, Verified};
use crate::checks::reconciler;
use crate::cluster::{Collection, FIELD_MANAGER, wait};
use crate::plan::{Deviation, Part, Write};
use crate::rhacs::{Component, ObjectRef};
use crate::run::report::ComponentReport;
use crate::run::step_error::StepError;

/// So many fields are named; nobody reads more.
const MOST_FIELDS: usize = 5;
/// So many workloads are worth to be listed rather than read one by one.
const WORTH_A_LIST: usize = 2;
/// By then the garbage collector has taken away the pods of a Deployment that was deleted.
const COLLECTED: Duration = Duration::from_secs(60);
/// How often it is looked for them.
const LOOKS: Duration = Duration::from_secs(1);

/// Objects as they are at one moment; none where there is none.
type Seen = BTreeMap<ObjectRef, Option<Value>>;

impl ClusterExecutor {
    /// What the writes of all steps promise together, up to and with the step `last` if one is
    /// named.
    pub(super) async fn promises(
        &self,
        last: Option<&str>,
    ) -> Result<BTreeMap<ObjectRef, Promise>, StepError> {
        let bundle = self.bundle.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let mut writes: Vec<Cow<'_, Write>> = bundle.into_iter().map(Cow::Owned).collect();
        // What Central's upgrader makes of secured clusters is its own.
        let is_left_to_upgrader = last.is_none() && self.plan.awaits_upgrader();
        for step in &self.plan.steps {
            if !(is_left_to_upgrader && step.component == Some(Component::Secured)) {
                for write in step.action.writes() {
                    writes.push(self.complete(write).await?);
                }
            }
            if last == Some(step.id.as_str()) {
                break;
            }
        }
        Ok(promises(writes.iter().map(|write| &**write)))
    }

    /// What the API server answered to this process's last write of `object`.
    pub(super) fn stored(&self, object: &ObjectRef) -> Option<Value> {
        self.stored.lock().unwrap_or_else(PoisonError::into_inner).get(object).cloned()
    }

    /// Looks once more at everything the run wrote and at every workload it answers for, and waits
    /// for rollouts that somebody began meanwhile.
    pub(super) async fn confirm_all(
        &self,
        deadline: Deadline,
        context: &StepContext<'_>,
    ) -> Result<Verified, StepError> {
        let promises = self.promises(None).await?;
        loop {
            let seen = self.look(&promises).await?;
            self.stop_if_broken(&promises, &seen).await?;
            let rows = self.rows(&seen);
            let faults: Vec<String> = rows.iter().filter_map(ComponentReport::fault).collect();
            if faults.is_empty() {
                return self.no_strangers(&seen, deadline, context).await;
            }
            let unverified = Verified { unverified: faults, ..Verified::default() };
            let Some(object) = self.may_still_come(&rows, &seen) else { return Ok(unverified) };
            if deadline.is_over() {
                return Ok(unverified);
            }
            let mut on = |waiting: wait::Waiting| {
                let counts = Some((waiting.ready, waiting.desired));
                context.waiting(format!("`{object}`: {}", waiting.message), counts);
            };
            let known = seen.get(object).and_then(Option::as_ref);
            let limit = deadline.left();
            if wait::rollout(&self.cluster, object, known, limit, &mut on).await.is_err() {
                return Ok(unverified);
            }
        }
    }

    /// Stops when a watch tells that a workload is not as it was written; asks nothing else.
    pub(super) async fn stop_if_seen_broken(
        &self,
        promises: &BTreeMap<ObjectRef, Promise>,
    ) -> Result<(), StepError> {
        for (object, promise) in promises {
            let Some((watched, true)) = self.cluster.seen(object) else { continue };
            if promise.broken_by(Some(&watched), self.stored(object).as_ref()).is_some() {
                let now = self.known.refresh(&self.cluster, object).await?;
                self.stop_if_broken_now(object, promise, now.as_ref()).await?;
            }
        }
        Ok(())
    }

    async fn stop_if_broken(
        &self,
        promises: &BTreeMap<ObjectRef, Promise>,
        seen: &Seen,
    ) -> Result<(), StepError> {
        for (object, promise) in promises {
            let now = seen.get(object).and_then(Option::as_ref);
            self.stop_if_broken_now(object, promise, now).await?;
        }
        Ok(())
    }

    /// Stops when `object`, which is `now`, is not as this run left it.
    pub(super) async fn stop_if_broken_now(
        &self,
        object: &ObjectRef,
        promise: &Promise,
        now: Option<&Value>,
    ) -> Result<(), StepError> {
        match promise.broken_by(now, self.stored(object).as_ref()) {
            None => Ok(()),
            Some(Broken::Deleted) => {
                Err(self.with_fate_of_namespace(taken_back(object, &Broken::Deleted, now)).await)
            }
            Some(broken) => Err(taken_back(object, &broken, now)),
        }
    }

    /// Adds that the namespace is being deleted, where it is: that explains everything.
    pub(super) async fn with_fate_of_namespace(&self, error: StepError) -> StepError {
        let name = self.plan.namespace.as_str();
        let namespace = ObjectRef::cluster_wide("v1", "Namespace", name);
        let Ok(now) = self.cluster.read(&namespace).await else { return error };
        let Some(now) = now else {
            return error.because(format!("the namespace `{name}` does not exist any more"));
        };
        match now["metadata"]["deletionTimestamp"].as_str() {
            Some(at) => error
                .because(format!("the namespace `{name}` is being deleted since {at}"))
                .hint(format!("see what it waits for: `kubectl get namespace {name} -o yaml`")),
            None => error,
        }
    }

    /// Everything the run answers for, as it is now.
    async fn look(&self, promises: &BTreeMap<ObjectRef, Promise>) -> Result<Seen, StepError> {
        let rows = self.plan.before.iter().map(|running| &running.object);
        let objects: BTreeSet<&ObjectRef> = promises.keys().chain(rows).collect();
        let mut listed: BTreeMap<&str, Vec<&ObjectRef>> = BTreeMap::new();
        for object in objects.iter().filter(|object| is_worth_listing(object)) {
            listed.entry(object.kind.as_str()).or_default().push(object);
        }
        let mut seen = Seen::new();
        for group in listed.into_values().filter(|group| group.len() >= WORTH_A_LIST) {
            // Who may not list them may still read each.
            let Ok(list) = self.cluster.list(&Collection::of(group[0])).await else { continue };
            for object in group {
                let found = list.items.iter().find(|item| item["metadata"]["name"] == *object.name);
                self.known.remember(object, found.cloned());
                seen.insert(object.clone(), found.cloned());
            }
        }
        let left = objects.into_iter().filter(|object| !seen.contains_key(object));
        let reads = left.map(|object| async move {
            let now = self.known.refresh(&self.cluster, object).await?;
            Ok::<_, StepError>((object.clone(), now))
        });
        let read = try_join_all(reads.collect::<Vec<_>>()).await?;
        seen.extend(read);
        Ok(seen)
    }

    fn rows(&self, seen: &Seen) -> Vec<ComponentReport> {
        let wanted = wanted_images(&self.plan);
        let now = |object| seen.get(object).and_then(Option::as_ref);
        let running = self.plan.before.iter();
        running.map(|it| row(&self.plan, it, &wanted, now(&it.object))).collect()
    }

    /// A workload this run has changed, or had changed, whose rollout goes on.
    fn may_still_come<'a>(
        &'a self,
        rows: &[ComponentReport],
        seen: &Seen,
    ) -> Option<&'a ObjectRef> {
        use crate::cluster::rollout::{Progress, judge};
        let is_ours = |object: &ObjectRef| {
            let mut writes = self.plan.steps.iter().flat_map(|step| step.action.writes());
            self.plan.awaits_upgrader() || writes.any(|write| write.object() == object)
        };
        let late = rows.iter().filter(|row| row.fault().is_some() && is_ours(&row.object));
        let rolls = |object: &ObjectRef| {
            let now = seen.get(object).and_then(Option::as_ref);
            now.is_some_and(|now| matches!(judge(now, 0), Progress::Waiting(_)))
        };
        let object = late.map(|row| &row.object).find(|object| rolls(object))?;
        self.plan.before.iter().map(|running| &running.object).find(|it| *it == object)
    }

    /// Every pod that serves for a Deployment must be of it, or at least run what it runs. Those
    /// that the garbage collector has yet to take away get a while to leave.
    async fn no_strangers(
        &self,
        seen: &Seen,
        deadline: Deadline,
        context: &StepContext<'_>,
    ) -> Result<Verified, StepError> {
        let is_meant = |object: &ObjectRef| {
            let mut running = self.plan.before.iter();
            object.kind == "Deployment"
                && running
                    .any(|it| it.object == *object && self.plan.components.contains(&it.component))
        };
        let objects = seen.iter().filter(|(object, _)| is_meant(object));
        let deployments: Vec<&Value> = objects.filter_map(|(_, now)| now.as_ref()).collect();
        if deployments.is_empty() {
            return Ok(Verified::default());
        }
        let mut all = Collection::namespaced("v1", "Pod", self.plan.namespace.as_str());
        let apps: Option<Vec<&str>> = deployments
            .iter()
            .map(|deployment| deployment["spec"]["selector"]["matchLabels"]["app"].as_str())
            .collect();
        if let Some(apps) = apps {
            all = all.with_labels(format!("app in ({})", apps.join(",")));
        }
        let began = Instant::now();
        loop {
            let pods = match self.cluster.list(&all).await {
                Ok(list) => list.items,
                Err(error) => {
                    let warning = format!("the pods that serve were not looked at: {error}");
                    return Ok(Verified { warnings: vec![warning], ..Verified::default() });
                }
            };
            let Some(stranger) = strangers(&deployments, &pods).into_iter().next() else {
                return Ok(Verified::default());
            };
            let may_leave = stranger.left_over_of.is_some() && began.elapsed() < COLLECTED;
            if !may_leave || deadline.is_over() {
                return Err(serves_beside(&stranger, &self.plan.namespace));
            }
            let Stranger { pod, image, .. } = &stranger;
            context.waiting(format!("`pod/{pod}`, which runs `{image}`, to leave"), None);
            deadline.pause(LOOKS).await;
        }
    }
}

fn serves_beside(stranger: &Stranger, namespace: &str) -> StepError {
    let Stranger { pod, deployment, image, left_over_of } = stranger;
    let error = StepError::failed(format!(
        "`pod/{pod}` serves beside the pods of `deploy/{deployment}` and runs `{image}`"
    ));
    let see = format!("see who made it: `kubectl get pod {pod} -n {namespace} -o yaml`");
    match left_over_of {
        Some(set) => error
            .because("it was made for one of that name that was deleted, and nobody takes it away")
            .hint(see)
            .hint(format!(
                "take it away: `kubectl delete rs/{set} pod/{pod} -n {namespace} --ignore-not-found`"
            )),
        None => error
            .because("its labels are theirs, and no controller of this installation made it")
            .hint(see),
    }
}

fn is_worth_listing(object: &ObjectRef) -> bool {
    object.namespace.is_some() && matches!(object.kind.as_str(), "Deployment" | "DaemonSet")
}

/// Names what of `object` is not as this run left it, who wrote it, and whose it is.
fn taken_back(object: &ObjectRef, broken: &Broken, now: Option<&Value>) -> StepError {
    let no_path: &[Part] = &[];
    let (message, path) = match broken {
        Broken::Deleted => (format!("`{object}`, which this run wrote, was deleted"), no_path),
        Broken::There => (format!("`{object}`, which this run deleted, is there again"), no_path),
        Broken::Fields(fields) => {
            let named = named(object, fields);
            let message = format!("`{object}` is not as this run wrote it: {named}");
            (message, fields.first().map_or(no_path, |field| field.path.as_slice()))
        }
    };
    let error = StepError::failed(message);
    let Some(now) = now else {
        return error.hint("find out who deletes it before the run goes on");
    };
    let error = match writer(now, path, FIELD_MANAGER) {
        Some(writer) => error.because(writer.words()),
        None => error.because("the API server does not tell who wrote it"),
    };
    match reconciler(now).or_else(|| owner(now)) {
        Some(owner) => error.because(format!("it belongs to {owner}")).hint(format!(
            "make the change where {owner} takes it from, or stop it from reconciling \
             `{object}`, before the run goes on"
        )),
        None => error.hint("stop whoever writes it before the run goes on"),
    }
}

/// The controller of an object, as it names it.
fn owner(object: &Value) -> Option<String> {
    let owners = object["metadata"]["ownerReferences"].as_array()?;
    let owner =
        owners.iter().find(|owner| owner["controller"] == true).or_else(|| owners.first())?;
    Some(format!("`{}/{}`", owner["kind"].as_str()?, owner["name"].as_str()?))
}

/// The fields in words. Only images are told with their values: others may be secret.
fn named(object: &ObjectRef, fields: &[Deviation]) -> String {
    let words = |field: &Deviation| {
        let path = field.path_text();
        match (field.is.as_str(), field.wanted.as_str()) {
            (Some(is), Some(wanted)) if field.is_image() && object.kind != "Secret" => {
                format!("`{path}` is `{is}` instead of `{wanted}`")
            }
            _ => format!("`{path}`"),
        }
    };
    let mut all: Vec<String> = fields.iter().take(MOST_FIELDS).map(words).collect();
    let more = fields.len().saturating_sub(MOST_FIELDS);
    if more > 0 {
        all.push(format!("and {more} more"));
    }
    all.join(", ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::exit::Exit;

    fn field(path: &[&str], is: &str, wanted: &str) -> Deviation {
        let path = path.iter().map(|name| Part::Field((*name).to_owned())).collect();
        Deviation { path, is: json!(is), wanted: json!(wanted) }
    }

    #[test]
    fn who_took_a_change_back_and_whose_the_object_is_are_named() {
        let object = ObjectRef::deployment("stackrox", "scanner");
        let now = json!({"metadata": {
            "labels": {"argocd.argoproj.io/instance": "acs"},
            "managedFields": [{"manager": "argocd-controller", "operation": "Apply",
                "time": "2024-03-01T08:00:00Z", "fieldsV1": {"f:spec": {"f:image": {}}}}]}});
        let broken = Broken::Fields(vec![field(&["spec", "image"], "x:1", "x:2")]);
        let error = taken_back(&object, &broken, Some(&now));
        assert_eq!(error.exit, Exit::StepFailed);
        let expected = "`deploy/scanner` is not as this run wrote it: `spec.image` is `x:1` instead \
                        of `x:2`: `argocd-controller` wrote it at 2024-03-01T08:00:00Z (Apply): it \
                        belongs to Argo CD application `acs`";
        assert_eq!(error.to_string(), expected);
        assert!(error.hints[0].contains("stop it from reconciling `deploy/scanner`"));
    }

    #[test]
    fn values_of_secrets_are_never_told() {
        let object = ObjectRef::namespaced("v1", "Secret", "stackrox", "scanner-tls");
        let fields =
            [field(&["data", "key.pem"], "b2xk", "bmV3"), field(&["data", "image"], "a", "b")];
        let words = named(&object, &fields);
        assert_eq!(words, "`data.key.pem`, `data.image`");
    }

    #[test]
    fn an_owner_reference_is_an_owner() {
        let object = json!({"metadata": {"ownerReferences": [
            {"kind": "Central", "name": "stackrox-central-services", "controller": true}]}});
        assert_eq!(owner(&object).as_deref(), Some("`Central/stackrox-central-services`"));
        assert_eq!(owner(&json!({})), None);
    }
}
