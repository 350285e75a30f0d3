//! The steps of the guide as rules: each looks at what the cluster is and proposes writes.
//!
//! A rule's condition reads the objects first and version numbers second, so that running the
//! upgrade twice, or finishing one that somebody began by hand, proposes nothing that is there
//! already. The values come from the official objects of the target release.

mod central;
mod images;
mod roles;
mod scanner;
mod scc;
mod secured;

use serde_json::{Value, json};

pub use images::{
    ImageChange, component_of, image_changes, own_containers, product_image, unknown_containers,
};
pub use roles::{KeptRole, kept_roles};
pub use scc::{MIGRATION, belongs_to_product, capturing_users, component_of_object, old_scc_names};

use super::images::{ImageOptions, UnknownTags};
use super::{Component, ObjectRef, Platform, Snapshot, Version, official};
use crate::plan::{PatchKind, Write};

/// What a rule may look at.
pub struct Facts<'a> {
    /// The cluster.
    pub snapshot: &'a Snapshot,
    /// The version it comes from: the oldest that still runs.
    pub from: &'a Version,
    /// The version it goes to.
    pub to: &'a Version,
    /// Where images come from.
    pub images: &'a ImageOptions,
    /// Autoscalers keep their limits.
    keeps_replicas: bool,
    official: Vec<Value>,
}

/// One rule: a row of the guide.
pub struct Rule {
    /// Short and stable, shown to people and kept in records.
    pub id: &'static str,
    /// The part of the product it belongs to.
    pub component: Component,
    /// Why it is needed, a sentence without a period.
    pub why: &'static str,
    /// Where that is written.
    pub source: &'static str,
    /// What it proposes; empty when the cluster is as it should be.
    pub propose: fn(&Facts<'_>) -> Vec<Proposal>,
}

/// One write a rule asks for.
#[derive(Clone, Debug)]
pub struct Proposal {
    /// The write.
    pub write: Write,
    /// What it changes, in a few words.
    pub what: String,
    /// When in the component's turn it is made.
    pub phase: Phase,
}

/// The order of writes within one component.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Phase {
    /// Before any workload changes: what new pods will need.
    Prepare,
    /// Changes of a workload; all changes of one become one patch and one rollout.
    Workload,
    /// After the workloads run: what only old pods needed.
    Clean,
}

/// All rules of the guide for releases up to 3.74, but for the images, which
/// [`image_changes`] finds.
pub const ALL: &[Rule] = &[
    central::NAMESPACE_ENV,
    central::POD_NAMESPACE_ENV,
    central::OPENSHIFT_AUTH_ENV,
    central::OPENSHIFT_AUTH_ACCOUNT,
    roles::DIAGNOSTICS,
    scanner::OLD_ENTRYPOINT,
    scanner::SERVICE_PORTS,
    scanner::USER,
    scanner::POD_USER,
    scanner::MINIMUM_REPLICAS,
    scanner::DATABASE_INIT,
    scanner::DATABASE_INIT_FLAG,
    secured::READINESS_PROBE,
    secured::FIXED_USER,
    roles::EDIT,
    secured::OLD_BINDINGS,
    scc::PRIORITY,
    scc::CENTRAL,
    scc::SCANNER,
    scc::SECURED,
    scc::repair::CENTRAL,
    scc::repair::SCANNER,
    scc::repair::SECURED,
    scc::old::CENTRAL,
    scc::old::SCANNER,
    scc::old::SECURED,
];

impl<'a> Facts<'a> {
    /// Facts for the way from `from` to `to`.
    #[must_use]
    pub fn new(
        snapshot: &'a Snapshot,
        from: &'a Version,
        to: &'a Version,
        images: &'a ImageOptions,
    ) -> Self {
        let platform = snapshot.platform.unwrap_or(Platform::Kubernetes);
        let official = official::objects(to, platform, &snapshot.namespace);
        Self { snapshot, from, to, images, keeps_replicas: false, official }
    }

    /// The same, with or without the limits of autoscalers left as they are.
    #[must_use]
    pub fn keeping_replicas(self, keeps_replicas: bool) -> Self {
        Self { keeps_replicas, ..self }
    }

    /// The official object of the target release.
    #[must_use]
    pub fn official(&self, kind: &str, name: &str) -> Option<&Value> {
        self.official
            .iter()
            .find(|object| object["kind"] == kind && object["metadata"]["name"] == name)
    }

    /// All official objects of a kind in the target release.
    pub fn official_of_kind<'s>(&'s self, kind: &'s str) -> impl Iterator<Item = &'s Value> + 's {
        self.official.iter().filter(move |object| object["kind"] == kind)
    }

    fn namespaced(&self, api_version: &str, kind: &str, name: &str) -> ObjectRef {
        ObjectRef::namespaced(api_version, kind, &self.snapshot.namespace, name)
    }

    fn deployment(&self, name: &str) -> ObjectRef {
        ObjectRef::deployment(&self.snapshot.namespace, name)
    }
}

impl Rule {
    /// The proposals of this rule for `facts`.
    #[must_use]
    pub fn proposals(&self, facts: &Facts<'_>) -> Vec<Proposal> {
        (self.propose)(facts)
    }
}

/// Everything that can keep images from being named.
pub type ImageResult = Result<Vec<ImageChange>, UnknownTags>;

fn pod_patch(spec: Value) -> Value {
    json!({"spec": {"template": {"spec": spec}}})
}

fn container_patch(container: Value) -> Value {
    pod_patch(json!({"containers": [container]}))
}

fn workload_change(object: ObjectRef, body: Value, what: impl Into<String>) -> Proposal {
    let write = Write::Patch { object, patch: PatchKind::Strategic, body };
    Proposal { write, what: what.into(), phase: Phase::Workload }
}

fn preparation(object: ObjectRef, body: Value, what: impl Into<String>) -> Proposal {
    let write = Write::Patch { object, patch: PatchKind::Merge, body };
    Proposal { write, what: what.into(), phase: Phase::Prepare }
}
