//! From the rules' proposals to ordered steps.

use common::plan::{
    Action, Change, ScannerConfig, Step, Undo, Verification, Write, is_satisfied, merge_patches,
};
use common::rhacs::database::home;
use common::rhacs::rules::{ALL, Facts, Phase, Proposal, image_changes};
use common::rhacs::scanner_config::{self, Origin};
use common::rhacs::{Component, ObjectRef, Platform};
use serde_json::Value;

use super::{Refusal, Request};

/// A proposal with what is said about it.
struct Explained {
    proposal: Proposal,
    rule: &'static str,
    why: &'static str,
    source: &'static str,
}

pub(super) fn build(
    facts: &Facts<'_>,
    request: &Request,
    components: &[Component],
) -> Result<Vec<Step>, Refusal> {
    let mut steps = Vec::new();
    let mut explained = Vec::new();
    for component in components {
        explained.push((*component, proposals(facts, *component)?));
    }
    for (component, proposals) in explained {
        if component == Component::Secured && central_upgrades_it(facts) {
            steps.extend((!proposals.is_empty()).then(|| await_upgrader(facts, request)));
            continue;
        }
        steps.extend(component_steps(facts, request, component, proposals));
    }
    if steps.is_empty() {
        return Ok(steps);
    }
    let central_changes = steps.iter().any(|step| step.component == Some(Component::Central));
    if let Some(directory) = request.backup_directory.as_ref().filter(|_| central_changes) {
        steps.insert(0, backup(directory, request));
    }
    if request.roxctl {
        let follows = |step: &Step| step.component.is_some_and(|it| it != Component::Central);
        let place = steps.iter().position(follows).unwrap_or(steps.len());
        steps.insert(place, roxctl(request));
    }
    steps.push(verify(facts, request));
    if request.revoke_token {
        steps.push(revoke_token(request));
    }
    Ok(steps)
}

/// Whether Central's own upgrader takes care of this cluster: automatic upgrade is on, and the
/// cluster is not one that somebody else has to upgrade.
fn central_upgrades_it(facts: &Facts<'_>) -> bool {
    let central = &facts.snapshot.central;
    let known = facts.snapshot.local_cluster();
    let only = (central.clusters.len() == 1).then(|| &central.clusters[0]);
    // As long as a sensor is as old as Central, Central does not say who upgrades it.
    let by_hand = known.or(only).is_some_and(|cluster| {
        cluster.upgradability == "MANUAL_UPGRADE_REQUIRED"
            || matches!(
                cluster.managed_by.as_str(),
                "MANAGER_TYPE_HELM_CHART" | "MANAGER_TYPE_KUBERNETES_OPERATOR"
            )
    });
    central.auto_upgrade == Some(true) && !by_hand
}

fn proposals(facts: &Facts<'_>, component: Component) -> Result<Vec<Explained>, Refusal> {
    let mut all: Vec<Explained> = Vec::new();
    for rule in ALL.iter().filter(|rule| rule.component == component) {
        let (rule_id, why, source) = (rule.id, rule.why, rule.source);
        let found = rule.proposals(facts).into_iter();
        all.extend(found.map(|proposal| Explained { proposal, rule: rule_id, why, source }));
    }
    let images = image_changes(facts)?.into_iter().filter(|change| change.component == component);
    all.extend(images.map(|change| Explained {
        proposal: change.proposal,
        rule: "image",
        why: "the release is in its images",
        source: "upgrade guide 3.69, sections 2.2.1, 2.2.3 and 2.3.3",
    }));
    Ok(all)
}

fn component_steps(
    facts: &Facts<'_>,
    request: &Request,
    component: Component,
    proposals: Vec<Explained>,
) -> Vec<Step> {
    let (mut prepare, mut workload, mut clean) = (Vec::new(), Vec::new(), Vec::new());
    for explained in proposals {
        match explained.proposal.phase {
            Phase::Prepare => prepare.push(explained),
            Phase::Workload => workload.push(explained),
            Phase::Clean => clean.push(explained),
        }
    }
    let mut steps = Vec::new();
    steps.extend(writes_step(component, "prepare", prepare, request));
    let takes_images = workload.iter().any(|explained| explained.rule == "image");
    if component == Component::Scanner
        && facts.snapshot.central.has_credentials
        && (takes_images || has_old_config(facts, request))
    {
        steps.push(scanner_bundle(request));
    }
    for name in WORKLOAD_ORDER {
        let (of_this, rest): (Vec<_>, Vec<_>) = workload
            .into_iter()
            .partition(|explained| explained.proposal.write.object().name == name);
        workload = rest;
        steps.extend(workload_step(facts, component, of_this, request));
    }
    steps.extend(writes_step(component, "clean", clean, request));
    steps
}

/// Whether the Scanner's configuration is still that of another release, as after an upgrade
/// without credentials, or one of the user's own that shall be replaced.
fn has_old_config(facts: &Facts<'_>, request: &Request) -> bool {
    let Some(live) = facts.snapshot.object("ConfigMap", scanner_config::NAME) else { return false };
    let platform = facts.snapshot.platform.unwrap_or(Platform::Kubernetes);
    let namespace = facts.snapshot.namespace.as_str();
    match scanner_config::origin(live, &request.to, platform, namespace) {
        Origin::ThisRelease => false,
        Origin::AnotherRelease => true,
        Origin::User => request.scanner_config == ScannerConfig::Replace,
    }
}

/// All changes of one workload as one patch: one rollout, one reversal.
fn workload_step(
    facts: &Facts<'_>,
    component: Component,
    proposals: Vec<Explained>,
    request: &Request,
) -> Option<Step> {
    let object = proposals.first()?.proposal.write.object().clone();
    let live = facts.snapshot.find(&object)?;
    let mut joined: Option<Write> = None;
    let mut changes = Vec::new();
    for explained in proposals {
        changes.push(change(&explained));
        match (&mut joined, explained.proposal.write) {
            (Some(Write::Patch { body, .. }), Write::Patch { body: more, .. }) => {
                merge_patches(body, &more);
            }
            (slot, write) => *slot = Some(write),
        }
    }
    let write = joined?;
    if let Write::Patch { body, .. } = &write
        && is_satisfied(live, body)
    {
        return None;
    }
    let mut verify = vec![Verification::Rollout { object: object.clone() }];
    if object.name == "central" {
        verify.push(Verification::CentralServes { version: request.to.clone() });
    }
    Some(Step {
        id: object.name.clone(),
        component: Some(component),
        title: format!("Upgrade {object} to {}", request.to),
        action: Action::Write { writes: vec![write] },
        changes,
        undo: undo_of(facts, &object),
        verify,
        timeout_seconds: timeout(request, patience(live, &object)),
    })
}

/// How a workload is put back; a Central whose data go with its pod comes back without them.
fn undo_of(facts: &Facts<'_>, object: &ObjectRef) -> Undo {
    let home = home(facts.snapshot, facts.from);
    match home.filter(|home| home.workload.name() == object.name && home.is_in_pod()) {
        Some(_) => Undo::Partly { reason: "Central's data are gone with its old pod".to_owned() },
        None => Undo::Restore,
    }
}

/// How long a rollout may take: Central migrates its database, and a DaemonSet is replaced node by
/// node.
fn patience(live: &Value, object: &ObjectRef) -> u64 {
    let nodes = live["status"]["desiredNumberScheduled"].as_u64().unwrap_or(0);
    match object.name.as_str() {
        "central" => 1800,
        _ => 600 + 60 * nodes,
    }
}

fn writes_step(
    component: Component,
    phase: &str,
    proposals: Vec<Explained>,
    request: &Request,
) -> Option<Step> {
    let first = proposals.first()?;
    let kinds = kinds(proposals.iter().map(|explained| explained.proposal.write.object()));
    let verb = if first.proposal.phase == Phase::Clean { "Remove old" } else { "Prepare" };
    Some(Step {
        id: format!("{phase}-{component}"),
        component: Some(component),
        title: format!("{verb} {kinds} of {component}"),
        changes: proposals.iter().map(change).collect(),
        action: Action::Write {
            writes: proposals.into_iter().map(|explained| explained.proposal.write).collect(),
        },
        undo: Undo::Restore,
        verify: Vec::new(),
        timeout_seconds: timeout(request, 60),
    })
}

fn scanner_bundle(request: &Request) -> Step {
    Step {
        id: "scanner-bundle".to_owned(),
        component: Some(Component::Scanner),
        title: "Renew the Scanner's certificates and configuration from Central".to_owned(),
        action: Action::ScannerBundle { config: request.scanner_config },
        changes: vec![Change {
            rule: "scanner-bundle".to_owned(),
            object: None,
            what: "secret/scanner-tls, secret/scanner-db-tls, cm/scanner-config".to_owned(),
            why: "the new Scanner expects the certificates and the configuration of its release"
                .to_owned(),
            source: "upgrade guide 3.69, section 2.2.3".to_owned(),
        }],
        undo: Undo::Restore,
        verify: Vec::new(),
        timeout_seconds: timeout(request, 120),
    }
}

fn backup(directory: &str, request: &Request) -> Step {
    Step {
        id: "backup".to_owned(),
        component: None,
        title: Action::backup_title(directory),
        action: Action::Backup { directory: directory.to_owned() },
        changes: vec![Change {
            rule: "backup".to_owned(),
            object: None,
            what: "a verified backup of Central's database and keys".to_owned(),
            why: "it is the way back when everything else fails".to_owned(),
            source: "upgrade guide 3.69, section 2.1".to_owned(),
        }],
        undo: Undo::None { reason: "the file stays".to_owned() },
        verify: Vec::new(),
        timeout_seconds: timeout(request, 3600),
    }
}

fn await_upgrader(facts: &Facts<'_>, request: &Request) -> Step {
    Step {
        id: "sensor-upgrader".to_owned(),
        component: Some(Component::Secured),
        title: format!("Wait for the sensor upgrader to reach {}", facts.to),
        action: Action::AwaitUpgrader { version: facts.to.clone() },
        changes: vec![Change {
            rule: "automatic-upgrade".to_owned(),
            object: None,
            what: "Central upgrades the secured clusters itself".to_owned(),
            why: "automatic upgrade is on".to_owned(),
            source: "upgrade guide 3.69, section 2.3".to_owned(),
        }],
        undo: Undo::None { reason: "Central does not downgrade secured clusters".to_owned() },
        verify: Vec::new(),
        timeout_seconds: timeout(request, 1200),
    }
}

fn verify(facts: &Facts<'_>, request: &Request) -> Step {
    Step {
        id: "verify".to_owned(),
        component: None,
        title: format!("Verify that everything runs {}", facts.to),
        action: Action::VerifyAll { version: facts.to.clone() },
        changes: vec![Change {
            rule: "verify".to_owned(),
            object: None,
            what: "workloads, Central's API, every secured cluster".to_owned(),
            why: "an upgrade is done when everything reports the new version".to_owned(),
            source: "upgrade guide 3.69, sections 2.2.4, 2.3.4 and 2.5".to_owned(),
        }],
        undo: Undo::None { reason: "it only reads".to_owned() },
        verify: Vec::new(),
        timeout_seconds: timeout(request, 300),
    }
}

fn roxctl(request: &Request) -> Step {
    let version = &request.to;
    Step {
        id: "roxctl".to_owned(),
        component: None,
        title: format!("Install roxctl {version} on this computer"),
        action: Action::InstallRoxctl { version: version.clone() },
        changes: vec![Change {
            rule: "roxctl".to_owned(),
            object: None,
            what: format!("roxctl {version} on this computer"),
            why: "roxctl has to be of the version of the Central it talks to".to_owned(),
            source: "upgrade guide 3.69, section 2.2.2".to_owned(),
        }],
        undo: Undo::None {
            reason: "it is not of the cluster; `kubectl rhacs roxctl install` brings any version"
                .to_owned(),
        },
        verify: Vec::new(),
        timeout_seconds: timeout(request, 600),
    }
}

fn revoke_token(request: &Request) -> Step {
    Step {
        id: "revoke-token".to_owned(),
        component: None,
        title: "Revoke the API token of this run".to_owned(),
        action: Action::RevokeToken,
        changes: vec![Change {
            rule: "revoke-token".to_owned(),
            object: None,
            what: "the token cannot be used again".to_owned(),
            why: "a token that can back up Central can read its keys".to_owned(),
            source: "upgrade guide 3.69, section 2.6".to_owned(),
        }],
        undo: Undo::None { reason: "a revoked token stays revoked; create another".to_owned() },
        verify: Vec::new(),
        timeout_seconds: timeout(request, 60),
    }
}

fn change(explained: &Explained) -> Change {
    Change {
        rule: explained.rule.to_owned(),
        object: Some(explained.proposal.write.object().clone()),
        what: explained.proposal.what.clone(),
        why: explained.why.to_owned(),
        source: explained.source.to_owned(),
    }
}

/// `SCCs, Roles`: the kinds of the objects, each once.
fn kinds<'a>(objects: impl Iterator<Item = &'a ObjectRef>) -> String {
    let mut kinds: Vec<String> = Vec::new();
    for object in objects {
        let kind = match object.kind.as_str() {
            "SecurityContextConstraints" => "SCCs".to_owned(),
            "HorizontalPodAutoscaler" => "autoscalers".to_owned(),
            kind => format!("{kind}s"),
        };
        if !kinds.contains(&kind) {
            kinds.push(kind);
        }
    }
    kinds.join(", ")
}

fn timeout(request: &Request, default: u64) -> u64 {
    request.timeout_seconds.unwrap_or(default)
}

/// The guide's order: Central before the Scanner before the secured cluster, and within each as
/// its commands stand.
const WORKLOAD_ORDER: [&str; 11] = [
    "central-db",
    "central",
    "config-controller",
    "scanner",
    "scanner-db",
    "scanner-v4-db",
    "scanner-v4-indexer",
    "scanner-v4-matcher",
    "sensor",
    "collector",
    "admission-control",
];
