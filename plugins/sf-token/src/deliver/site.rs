//! One key of one Secret in one cluster: what is there, who owns it, who reads it.

use std::collections::BTreeSet;
use std::fmt;

use common::cluster::{Cluster, ClusterError, Collection, WriteOptions};
use common::owners::controlling_reference;
use common::plan::{Finding, PatchKind, Severity};
use common::rhacs::{ObjectRef, Permission};
use serde_json::Value;

use super::collector::{Collector, TOKEN_KEY, collectors, realms, token_key};
use super::consumers::{Consumer, LonePod, consumers, lone_pods};
use super::findings::{self, finding};
use super::owners::{Owner, OwnerKind, Place, detail_external_secret, owners};
use super::restart::restart_patch;
use super::secret::{KeyState, choose_key, key_state, probe_patch};
use super::target::{CollectorTarget, SecretTarget};
use crate::blot::blotted;

/// A place of delivery in a cluster, as it was found.
#[derive(Clone, Debug)]
pub struct Site {
    /// The connection.
    pub cluster: Cluster,
    /// Where it is, its key included.
    pub target: SecretTarget,
    /// The Secret.
    pub secret: ObjectRef,
    /// The key.
    pub key: String,
    /// What the key holds.
    pub state: KeyState,
    /// Who else writes the Secret.
    pub owners: Vec<Owner>,
    /// The workloads that read the key, in the order of their restarts.
    pub consumers: Vec<Consumer>,
    /// Pods that read it and that nobody restarts.
    pub lone_pods: Vec<LonePod>,
    /// The token whose secret goes there.
    pub token: String,
    /// Pods of sets that update on deletion are deleted.
    pub deletes_pods: bool,
    keys: Vec<String>,
}

/// What is wanted of a look at a place.
#[derive(Clone, Copy, Debug)]
pub struct Wishes<'a> {
    /// The token whose secret goes there.
    pub token: &'a str,
    /// The realm of the token's organization, when it is known.
    pub realm: Option<&'a str>,
    /// Whether consumers restart.
    pub restarts: bool,
    /// Whether pods of sets that update on deletion are deleted.
    pub deletes_pods: bool,
    /// Whether the API server is asked if it would take the writes.
    pub tries_writes: bool,
}

/// The workloads and pods of one namespace.
#[derive(Clone, Debug)]
pub struct Room {
    /// The connection.
    pub cluster: Cluster,
    /// Deployments, StatefulSets and DaemonSets.
    pub workloads: Vec<Value>,
    /// Pods.
    pub pods: Vec<Value>,
}

impl Room {
    /// Reads a namespace.
    ///
    /// # Errors
    /// Everything a request can fail with.
    pub async fn read(cluster: &Cluster, namespace: &str) -> Result<Self, ClusterError> {
        let of = |api: &str, kind: &str| Collection::namespaced(api, kind, namespace);
        let (deployments, stateful, daemons, pods) = (
            of("apps/v1", "Deployment"),
            of("apps/v1", "StatefulSet"),
            of("apps/v1", "DaemonSet"),
            of("v1", "Pod"),
        );
        let (deployments, stateful, daemons, pods) = tokio::try_join!(
            cluster.list(&deployments),
            cluster.list(&stateful),
            cluster.list(&daemons),
            cluster.list(&pods)
        )?;
        let mut workloads = deployments.items;
        workloads.extend(stateful.items);
        workloads.extend(daemons.items);
        Ok(Self { cluster: cluster.clone(), workloads, pods: pods.items })
    }

    /// The realms that the collectors there send to, as far as their configuration may be read and
    /// says.
    pub async fn realms(&self, namespace: &str) -> BTreeSet<String> {
        let of_chart = Collection::namespaced("v1", "ConfigMap", namespace)
            .with_labels("app=splunk-otel-collector");
        let Ok(found) = self.cluster.list(&of_chart).await else { return BTreeSet::new() };
        let data = found.items.iter().filter_map(|object| object["data"].as_object()).flatten();
        data.filter_map(|(_, text)| text.as_str()).flat_map(realms).collect()
    }

    /// A namespace of which only one Secret may be read: nobody is known to read it.
    #[must_use]
    pub fn closed(cluster: &Cluster) -> Self {
        Self { cluster: cluster.clone(), workloads: Vec::new(), pods: Vec::new() }
    }

    /// The collectors there, each with the key of its token. A Secret that is mounted whole counts
    /// when it has one of the token's keys; one that cannot be read counts only where it is all
    /// there is.
    pub async fn collectors(&self, namespace: &str) -> Vec<Collector> {
        let (mut found, mounted): (Vec<_>, Vec<_>) =
            collectors(&self.workloads).into_iter().partition(|collector| collector.key.is_some());
        let mut unread = Vec::new();
        for collector in mounted {
            let secret =
                ObjectRef::namespaced("v1", "Secret", namespace, collector.secret.as_str());
            let with = |key: &str| Collector { key: Some(key.to_owned()), ..collector.clone() };
            match self.cluster.read(&secret).await {
                Ok(object) => found.extend(object.as_ref().and_then(token_key).map(with)),
                Err(_) => unread.push(with(TOKEN_KEY)),
            }
        }
        if found.is_empty() { unread } else { found }
    }
}

impl Site {
    /// Looks at the place `target` in the namespace `room`. The second value is what makes a
    /// delivery impossible or needs the user's word; without a site, something in it blocks.
    pub async fn look(
        room: &Room,
        target: &SecretTarget,
        wishes: Wishes<'_>,
    ) -> (Option<Self>, Vec<Finding>) {
        let secret =
            ObjectRef::namespaced("v1", "Secret", target.namespace.as_str(), target.name.as_str());
        let object = match room.cluster.read(&secret).await {
            Ok(Some(object)) => object,
            Ok(None) => return (None, vec![missing(target)]),
            Err(error) => return (None, vec![unreadable(target, &error)]),
        };
        let key = match choose_key(&object, target.key.as_deref()) {
            Ok(key) => key,
            Err(error) => {
                let what = format!("{target}: {error}");
                let fix = "name the key: --to-secret [CONTEXT/]NAMESPACE/NAME:KEY";
                return (None, vec![block("SF-KEY", what, fix)]);
            }
        };
        let name = SecretTarget { key: Some(key.clone()), ..target.clone() };
        let place = Place {
            namespace: &target.namespace,
            secret: &target.name,
            key: &key,
            token: wishes.token,
        };
        let keys = object["data"].as_object().into_iter().flatten();
        let site = Self {
            cluster: room.cluster.clone(),
            state: key_state(&object, &key),
            owners: detailed_owners(&room.cluster, &object, place).await,
            consumers: consumers(&room.workloads, &target.name, &key),
            lone_pods: lone_pods(&room.pods, &target.name, &key),
            token: wishes.token.to_owned(),
            deletes_pods: wishes.deletes_pods,
            keys: keys.map(|(key, _)| key.clone()).collect(),
            target: name,
            secret,
            key,
        };
        let mut found = site.refusals(&object, wishes).await;
        if wishes.restarts {
            found.extend(findings::unhealthy(&site, &room.workloads));
        }
        (Some(site), found)
    }

    /// About how long all restarts there take, in seconds.
    #[must_use]
    pub fn estimate_seconds(&self) -> u64 {
        self.consumers.iter().map(|consumer| consumer.estimate_seconds).sum()
    }

    /// The namespace, with the context where there are several: for progress.
    #[must_use]
    pub fn place(&self) -> String {
        let target = &self.target;
        CollectorTarget { context: target.context.clone(), namespace: target.namespace.clone() }
            .to_string()
    }

    /// The Secret's keys, for people.
    #[must_use]
    pub fn keys(&self) -> String {
        self.keys.join(", ")
    }

    /// What the API server would refuse, found by asking it: its admission plugins are asked too.
    async fn refusals(&self, object: &Value, wishes: Wishes<'_>) -> Vec<Finding> {
        if object["immutable"] == true {
            let what = format!("{self}: the Secret is immutable");
            return vec![block("SF-SECRET-IMMUTABLE", what, "replace it by one that is not")];
        }
        if !wishes.tries_writes {
            return Vec::new();
        }
        let mut found = Vec::new();
        let dry = WriteOptions::dry_run(true);
        let patch = probe_patch(&self.state, &self.key);
        let tried = self.cluster.patch(&self.secret, PatchKind::Merge, &patch, &dry).await;
        // A Secret that somebody just changed can be written all the same.
        if let Err(error) = tried
            && !matches!(error, ClusterError::Conflict { .. })
        {
            found.push(refused(self, "SF-SECRET-REFUSED", &self.secret, &error));
        }
        if !wishes.restarts {
            return found;
        }
        for consumer in &self.consumers {
            let patch = restart_patch("dry-run");
            let tried = self.cluster.patch(&consumer.object, PatchKind::Merge, &patch, &dry).await;
            if let Err(error) = tried {
                found.push(refused(self, "SF-CONSUMER-REFUSED", &consumer.object, &error));
            }
        }
        if wishes.deletes_pods && self.consumers.iter().any(|consumer| consumer.on_delete) {
            found.extend(self.may_delete_pods().await);
        }
        found
    }

    async fn may_delete_pods(&self) -> Option<Finding> {
        let wanted = Permission {
            verb: "delete".to_owned(),
            resource: "pods".to_owned(),
            namespace: Some(self.target.namespace.clone()),
            ..Permission::default()
        };
        let decision = self.cluster.review_access(&wanted).await.ok()?;
        (!decision.allowed).then(|| {
            block(
                "SF-PODS-REFUSED",
                format!("{self}: you may not delete pods in `{}`", self.target.namespace),
                "ask for the permission, or leave --delete-pods out",
            )
        })
    }
}

impl fmt::Display for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.target.fmt(f)
    }
}

/// The owners, and what their own objects say, where they may be read.
async fn detailed_owners(cluster: &Cluster, secret: &Value, place: Place<'_>) -> Vec<Owner> {
    let mut found = owners(secret, place);
    let external = found.iter_mut().find(|owner| owner.kind == OwnerKind::ExternalSecrets);
    let version = controlling_reference(secret).and_then(|owner| owner["apiVersion"].as_str());
    if let (Some(owner), Some(version)) = (external, version) {
        let object =
            ObjectRef::namespaced(version, "ExternalSecret", place.namespace, owner.name.as_str());
        if let Ok(Some(object)) = cluster.read(&object).await {
            detail_external_secret(owner, &object, place);
        }
    }
    found
}

fn missing(target: &SecretTarget) -> Finding {
    let key = target.key.as_deref().unwrap_or(TOKEN_KEY);
    block(
        "SF-SECRET-MISSING",
        format!("{target}: there is no such Secret"),
        format!(
            "create it with an empty key, then repeat this: kubectl create secret generic {} -n {} \
             --from-literal={key}=",
            target.name, target.namespace
        ),
    )
}

fn unreadable(target: &SecretTarget, error: &ClusterError) -> Finding {
    let fix = error.hints().into_iter().next().unwrap_or_default();
    block("SF-SECRET-REFUSED", format!("{target}: the Secret cannot be read: {error}"), fix)
}

fn refused(site: &Site, code: &str, object: &ObjectRef, error: &ClusterError) -> Finding {
    let fix = error.hints().into_iter().next().unwrap_or_default();
    // An admission plugin may repeat what it was shown.
    let error = blotted(&error.to_string(), &site.state.value);
    let what = format!("{site}: the API server would not let you change `{object}`: {error}");
    block(code, what, fix)
}

/// A finding without which nothing can be delivered.
pub(super) fn block(code: &str, what: impl Into<String>, fix: impl Into<String>) -> Finding {
    let why = "the new secret could not be delivered there";
    finding(code, Severity::Block, what, why, fix, "the cluster, asked")
}
