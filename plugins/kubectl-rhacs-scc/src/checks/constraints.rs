//! Whose the SCCs are, how they differ from the release's, and whom else they admit.

use common::checks::{Context, Definition, items, name};
use common::plan::{Finding, Severity};
use common::rhacs::scc::{
    Era, KIND, admitted_by, belongs_to_product, capturing_users, differences, is_marked,
    official_constraint, old_scc_names, owner_era, service_accounts,
};
use common::rhacs::{Snapshot, Version};
use serde_json::{Value, json};

use crate::observe::{CLUSTER_ROLES, OTHER_PODS};

const CAPTURES: Definition = Definition {
    code: "RHACS-SCC-CAPTURES",
    severity: Severity::Warn,
    meaning: "an SCC of the product has admitted pods of others",
    why: "with a read-only root such pods fail; it has stopped OpenShift's own upgrades",
    source: "access.redhat.com/solutions/5911951 and 6985485; OTA-680; stackrox pull request 7262",
};
const FOREIGN: Definition = Definition {
    code: "RHACS-SCC-FOREIGN",
    severity: Severity::Warn,
    meaning: "an SCC has a name or marks of the product, but is not the product's alone",
    why: "it is left as it is; a plan never deletes what others use",
    source: "upgrade guide 3.69, section 2.3.2",
};
const DIFFERS: Definition = Definition {
    code: "RHACS-SCC-DIFFERS",
    severity: Severity::Warn,
    meaning: "an SCC of the product is not as the release has it",
    why: "it may admit more than the product needs, or less; it is left as it is",
    source: "the release's own manifests",
};
const OBSOLETE: Definition = Definition {
    code: "RHACS-SCC-OBSOLETE",
    severity: Severity::Info,
    meaning: "SCCs of the product remain that the release does not need",
    why: "they still admit pods, the product's and those of cluster administrators",
    source: "product change log 64.0, 4.1 and 4.4 (ROX-12982)",
};
const ASSUMED: Definition = Definition {
    code: "RHACS-SCC-ASSUMED",
    severity: Severity::Warn,
    meaning: "something that decides about SCCs may not be read",
    why: "what is said of pods rests on OpenShift's defaults there",
    source: "the API server",
};

pub(super) const DEFINITIONS: &[Definition] = &[CAPTURES, FOREIGN, DIFFERS, OBSOLETE, ASSUMED];

pub(super) fn run(context: &Context<'_>) -> Vec<Finding> {
    let snapshot = context.snapshot;
    let mut findings = capturing(snapshot);
    findings.extend(foreign(snapshot));
    findings.extend(different(snapshot, &context.plan.to));
    findings.extend(obsolete(context));
    findings
}

/// Pods of others that an SCC of the product has admitted, and what could not be looked at.
#[must_use]
pub fn capturing(snapshot: &Snapshot) -> Vec<Finding> {
    let mut findings = Vec::new();
    for scc in snapshot.of_kind(KIND).filter(|scc| is_marked(scc)) {
        let called = name(scc);
        let captured: Vec<String> = snapshot
            .of_kind("Pod")
            .filter(|pod| admitted_by(pod) == Some(called))
            .map(|pod| format!("{}/{}", text(&pod["metadata"]["namespace"]), name(pod)))
            .collect();
        if captured.is_empty() {
            continue;
        }
        let shown = captured.iter().take(3).cloned().collect::<Vec<_>>().join(", ");
        let more = captured.len().saturating_sub(3);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let read_only = if scc["readOnlyRootFilesystem"] == true {
            ", with a read-only root file system"
        } else {
            ""
        };
        let what = format!("scc/{called} admitted {shown}{more}{read_only}");
        let fix = "`kubectl rhacs scc apply --for 4.4.0 --prune`, once the product runs 4.4";
        findings.push(CAPTURES.found(what, fix));
    }
    let unread = [OTHER_PODS, CLUSTER_ROLES].into_iter().filter_map(|what| {
        let reason = snapshot.unread.get(what)?;
        let fix = "look as a cluster administrator";
        Some(ASSUMED.found(format!("{what} may not be listed: {reason}"), fix))
    });
    findings.extend(unread);
    findings
}

/// SCCs that look like the product's, but are used by others too, or by nobody of the product.
#[must_use]
pub fn foreign(snapshot: &Snapshot) -> Vec<Finding> {
    let namespace = &snapshot.namespace;
    let like_ours = snapshot.of_kind(KIND).filter(|scc| {
        let looks = old_scc_names().contains(&name(scc)) || is_marked(scc);
        looks && !belongs_to_product(scc, namespace)
    });
    like_ours
        .map(|scc| {
            let name = name(scc);
            let users = match capturing_users(scc, namespace).as_slice() {
                [] => "it does not bear the product's marks".to_owned(),
                others => format!("{} may use it", others.join(", ")),
            };
            let fix = format!("`kubectl get scc {name} -o yaml` tells whose it is");
            FOREIGN.found(format!("scc/{name} stays: {users}"), fix)
        })
        .collect()
}

/// SCCs of the product that are not as `release` has them; those of other eras are compared with
/// nothing.
#[must_use]
pub fn different(snapshot: &Snapshot, release: &Version) -> Vec<Finding> {
    let own = snapshot
        .of_kind(KIND)
        .filter(|scc| owner_era(scc, &snapshot.namespace) == Some(Era::of(release)));
    own.filter_map(|scc| {
        let official = spec_of(snapshot, scc, release)?;
        let found = differences(scc, &official);
        if found.is_empty() {
            return None;
        }
        let fields: Vec<String> = found
            .iter()
            .map(|it| format!("{} {} instead of {}", it.field, short(&it.is), short(&it.official)))
            .collect();
        let fix = format!(
            "`kubectl rhacs scc export --for {release} | kubectl apply -f -`, if nobody means it"
        );
        Some(DIFFERS.found(format!("scc/{}: {}", name(scc), fields.join(", ")), fix))
    })
    .collect()
}

/// The release's counterpart of an SCC, as this installation needs it: a Central that keeps its
/// data in a directory of its node may use that.
#[must_use]
pub fn spec_of(snapshot: &Snapshot, scc: &Value, release: &Version) -> Option<Value> {
    let accounts = service_accounts(scc, &snapshot.namespace);
    let account = accounts.first()?;
    let mut official = official_constraint(release, &snapshot.namespace, account)?;
    let on_host = snapshot.deployment(account).is_some_and(|workload| workload.uses_host_path());
    if on_host {
        official["allowHostDirVolumePlugin"] = json!(true);
    }
    Some(official)
}

fn obsolete(context: &Context<'_>) -> Option<Finding> {
    let target = Era::of(&context.plan.to);
    let after = &context.after.objects;
    let left: Vec<&str> = after
        .iter()
        .filter(|object| object["kind"] == KIND)
        .filter(|scc| owner_era(scc, &context.snapshot.namespace).is_some_and(|era| era != target))
        .map(name)
        .collect();
    (!left.is_empty()).then(|| {
        let fix = context.rhacs(&format!("scc apply --for {} --prune", context.plan.to));
        OBSOLETE.found(format!("left: {}", left.join(", ")), fix)
    })
}

fn short(value: &Value) -> String {
    match value {
        Value::Null => "nothing".to_owned(),
        Value::Array(list) if list.len() > 4 => format!("{} entries", list.len()),
        Value::Array(_) => items(value).map(short).collect::<Vec<_>>().join(" "),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
