//! The workloads: what runs in them, how far they are, and whether that is of Central's release.

use serde::Serialize;
use serde_json::Value;

use super::{Found, versions};
use crate::checks::{suite_command, waiting_reason};
use crate::cluster::rollout::{Progress, counts, judge};
use crate::rhacs::images::Image;
use crate::rhacs::rules::{component_of, own_containers, product_image};
use crate::rhacs::{Component, Container, Installation, Snapshot, Version, Workload};

/// One container of a workload.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct WorkloadHealth {
    /// The part of the product; none when the workload has none of its names.
    pub component: Option<Component>,
    /// The workload, as kubectl takes it.
    pub object: String,
    /// The container.
    pub container: String,
    /// The version it runs; `?` when nothing says it.
    pub version: String,
    /// What says the version.
    pub version_from: VersionSource,
    /// The version of this container in Central's release, when that is another one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected: Option<String>,
    /// The whole image reference.
    pub image: String,
    /// Pods that are ready and new.
    pub ready: u64,
    /// Pods there should be.
    pub desired: u64,
    /// Whether the workload is rolled out, has pods, and nobody holds it back.
    pub healthy: bool,
    /// What it waits for, or why it failed.
    pub note: String,
}

/// What says which version a container runs.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum VersionSource {
    /// The image's tag.
    Tag,
    /// The workload's label, which its manager renews.
    Label,
    /// Nothing.
    Unknown,
    /// Nothing that matters: the container is not the product's.
    Foreign,
}

/// What is wrong with a workload, and what to do.
struct Trouble {
    note: String,
    fix: String,
}

pub(super) fn all(
    snapshot: &Snapshot,
    installation: &Installation,
    version: Option<&Version>,
    found: &mut Found,
) -> Vec<WorkloadHealth> {
    let mut ours: Vec<(Option<Component>, Workload<'_>)> = snapshot
        .workloads()
        .filter_map(|workload| Some((component(workload)?, workload)))
        .collect();
    // Those without a part of the product come last.
    ours.sort_by_key(|(component, workload)| (component.is_none(), *component, workload.name()));
    ours.into_iter()
        .flat_map(|(component, workload)| {
            let view = View { snapshot, installation, version, component, workload };
            view.containers(found)
        })
        .collect()
}

/// The part of the product that a workload is, if it is the product's at all: by its name, else by
/// its labels or by an image that only the product's publisher has.
fn component(workload: Workload<'_>) -> Option<Option<Component>> {
    if let Some(component) = component_of(workload.name()) {
        return Some(Some(component));
    }
    let labels = &workload.object()["metadata"]["labels"];
    let by_label = labels["app"].as_str().and_then(component_of);
    let is_official = |container: Container<'_>| {
        Image::classify(container.image()).is_some_and(|image| image.is_official())
    };
    let is_ours = by_label.is_some()
        || labels["app.kubernetes.io/name"] == "stackrox"
        || workload.all_containers().any(is_official);
    is_ours.then_some(by_label)
}

struct View<'a> {
    snapshot: &'a Snapshot,
    installation: &'a Installation,
    version: Option<&'a Version>,
    component: Option<Component>,
    workload: Workload<'a>,
}

impl View<'_> {
    fn containers(&self, found: &mut Found) -> Vec<WorkloadHealth> {
        let object = self.name();
        let trouble = self.trouble();
        if let Some(Trouble { note, fix }) = &trouble {
            found.work(object.clone(), note.clone(), fix.clone());
        }
        let (ready, desired) = counts(self.workload.object());
        let containers = self.workload.all_containers().filter(|container| !container.is_init());
        containers
            .map(|container| {
                let (version, version_from) = self.told(&container);
                let expected = self.expected(&container, version.as_ref(), version_from, found);
                let note = trouble.as_ref().map(|trouble| trouble.note.clone());
                WorkloadHealth {
                    component: self.component,
                    object: object.clone(),
                    container: container.name().to_owned(),
                    version: self.text(&container, version.as_ref(), version_from),
                    version_from,
                    expected,
                    image: container.image().to_owned(),
                    ready,
                    desired,
                    healthy: note.is_none(),
                    note: note.unwrap_or_default(),
                }
            })
            .collect()
    }

    fn name(&self) -> String {
        self.workload.reference().map(|object| object.to_string()).unwrap_or_default()
    }

    /// The version of a container, and what says it.
    fn told(&self, container: &Container<'_>) -> (Option<Version>, VersionSource) {
        let is_ours = product_image(self.workload.name(), container).is_some()
            || own_containers(self.workload.name()).contains(&container.name());
        if !is_ours {
            return (None, VersionSource::Foreign);
        }
        if let Some(version) = versions::own(container) {
            return (Some(version), VersionSource::Tag);
        }
        let label = self.component.filter(|component| self.installation.is_managed(*component));
        match label.and_then(|_| versions::labelled(self.workload)) {
            Some(version) => (Some(version), VersionSource::Label),
            None => (None, VersionSource::Unknown),
        }
    }

    fn text(
        &self,
        container: &Container<'_>,
        version: Option<&Version>,
        source: VersionSource,
    ) -> String {
        let tag = Image::classify(container.image()).and_then(|image| image.tag);
        let foreign = || {
            let last = container.image().rsplit('/').next().unwrap_or_default();
            last.split_once(':').map(|(_, tag)| tag.to_owned())
        };
        let text = match source {
            VersionSource::Tag => tag,
            VersionSource::Foreign => foreign(),
            VersionSource::Label => version.map(ToString::to_string),
            VersionSource::Unknown => None,
        };
        text.unwrap_or_else(|| "?".to_owned())
    }

    /// The version of the container in the release that everything is held against, when it runs
    /// another one.
    fn expected(
        &self,
        container: &Container<'_>,
        is: Option<&Version>,
        source: VersionSource,
        found: &mut Found,
    ) -> Option<String> {
        let object = self.name();
        if source == VersionSource::Unknown {
            let what = format!("the version of {object} ({})", container.name());
            found.unseen(&what, &format!("its image says none: {}", container.image()));
        }
        let (is, release) = (is?, self.version?);
        let (should, reference) = if source == VersionSource::Label {
            (release.clone(), None)
        } else {
            let reference = versions::at(container, release)?;
            (Image::classify(&reference)?.own_version()?, Some(reference))
        };
        if *is == should {
            return None;
        }
        found.work(
            object,
            format!("container {} runs {is}, {release} has {should}", container.name()),
            self.upgrade(container, release, reference.as_deref()),
        );
        Some(should.to_string())
    }

    /// What brings the container to `release`.
    fn upgrade(
        &self,
        container: &Container<'_>,
        release: &Version,
        reference: Option<&str>,
    ) -> String {
        let namespace = &self.snapshot.namespace;
        if let Some(component) = self.component.filter(|it| self.installation.is_managed(*it))
            && let Some(part) = self.installation.part(component)
        {
            return part.own_commands(namespace, component, release).join("; ");
        }
        match reference {
            Some(reference) if !crate::rhacs::hops::is_supported_target(release) => {
                self.kubectl(&format!("set image {} {}={reference}", self.name(), container.name()))
            }
            _ => suite_command(namespace, &format!("upgrade --to {release}")),
        }
    }

    fn kubectl(&self, words: &str) -> String {
        format!("kubectl -n {} {words}", self.snapshot.namespace)
    }

    /// What keeps the workload from being as it should be; the gravest first.
    fn trouble(&self) -> Option<Trouble> {
        let object = self.workload.object();
        let name = self.name();
        let (spec, metadata) = (&object["spec"], &object["metadata"]);
        if let Some(since) = metadata["deletionTimestamp"].as_str() {
            let note = format!("it is being deleted since {since}");
            return Some(Trouble { note, fix: self.kubectl(&format!("get {name} -o yaml")) });
        }
        if spec["replicas"] == 0 {
            let fix = self.kubectl(&format!("scale {name} --replicas=1"));
            return Some(Trouble { note: "it is scaled to 0".to_owned(), fix });
        }
        if spec["paused"] == true {
            let fix = self.kubectl(&format!("rollout resume {name}"));
            return Some(Trouble { note: "its rollout is paused".to_owned(), fix });
        }
        let note = match judge(object, 0) {
            Progress::Done if is_nowhere(object) => "no node takes a pod of it".to_owned(),
            Progress::Done => return None,
            Progress::Waiting(note) | Progress::Failed { reason: note } => note,
        };
        let note = match waiting_reason(self.snapshot, self.workload) {
            Some(reason) => format!("{note} ({reason})"),
            None => note,
        };
        let fix = self.kubectl(&format!("describe {name}"));
        Some(Trouble { note, fix })
    }
}

/// A DaemonSet for which there is no node.
fn is_nowhere(object: &Value) -> bool {
    object["kind"] == "DaemonSet" && counts(object).1 == 0
}
