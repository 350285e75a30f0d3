//! Whether the SCCs in place are those of the release that runs.

use std::collections::{BTreeMap, BTreeSet};

use common::checks::{Definition, name};
use common::plan::{Finding, Severity, oldest, running};
use common::rhacs::scc::{Era, KIND, component_of_account, component_of_constraint, owner_era};
use common::rhacs::{Component, Platform, Snapshot, Version, official};
use serde_json::Value;

/// Made by `status` alone: a plan for a release says what it leaves of other eras.
pub(super) const MIXED: Definition = Definition {
    code: "RHACS-SCC-ERA",
    severity: Severity::Warn,
    meaning: "SCCs of another era than that of the release that runs are in place",
    why: "they may admit pods in its stead, or fail to admit what it needs",
    source: "product change log 64.0 and 4.4 (ROX-12982)",
};

/// What lets pods of a component be admitted in the way of an era.
struct Means {
    component: Component,
    era: Era,
    object: String,
}

/// The eras of which something is in place.
#[must_use]
pub fn in_place(snapshot: &Snapshot) -> BTreeSet<Era> {
    means(snapshot).into_iter().map(|means| means.era).collect()
}

/// SCCs of other eras than that of the release that runs, beside its own or in their place, each
/// with the command that mends it.
#[must_use]
pub fn mixed(snapshot: &Snapshot) -> Vec<Finding> {
    let means = means(snapshot);
    let mut foreign: BTreeMap<(Version, Era, bool), Vec<&Means>> = BTreeMap::new();
    for one in &means {
        let Some(version) = version_of(snapshot, one.component) else { continue };
        let wanted = Era::of(&version);
        let has_own = means.iter().any(|it| it.component == one.component && it.era == wanted);
        if one.era != wanted {
            foreign.entry((version, one.era, has_own)).or_default().push(one);
        }
    }
    let finding = |((version, era, has_own), means): (_, Vec<&Means>)| {
        found(snapshot, &version, era, has_own, &means)
    };
    foreign.into_iter().map(finding).collect()
}

fn found(
    snapshot: &Snapshot,
    version: &Version,
    era: Era,
    has_own: bool,
    means: &[&Means],
) -> Finding {
    let objects: Vec<&str> = means.iter().map(|means| means.object.as_str()).collect();
    let place = if has_own { "beside" } else { "instead of" };
    let what = format!(
        "{} ({era}) {place} what {version} needs ({})",
        objects.join(", "),
        Era::of(version)
    );
    MIXED.found(what, cure(snapshot, version, means))
}

/// The command after which only what `version` needs is there.
fn cure(snapshot: &Snapshot, version: &Version, means: &[&Means]) -> String {
    let namespace = match snapshot.namespace.as_str() {
        "stackrox" => String::new(),
        other => format!(" -n {other}"),
    };
    if Era::of(version) == Era::Bare {
        return format!(
            "`kubectl rhacs scc restore RUN{namespace}`, the run that made them; or upgrade to a \
             release that has them"
        );
    }
    let all: BTreeSet<Component> = Component::ALL.into_iter().collect();
    let differs = |component: &Component| {
        version_of(snapshot, *component).is_some_and(|other| Era::of(&other) != Era::of(version))
    };
    let components = if all.iter().any(differs) {
        let own: BTreeSet<String> = means.iter().map(|means| means.component.to_string()).collect();
        format!(" --components {}", own.into_iter().collect::<Vec<_>>().join(","))
    } else {
        String::new()
    };
    format!("kubectl rhacs scc apply --for {version} --prune{components}{namespace}")
}

fn means(snapshot: &Snapshot) -> Vec<Means> {
    let constraints = snapshot.of_kind(KIND).filter_map(|scc| {
        let era = owner_era(scc, &snapshot.namespace)?;
        let name = name(scc);
        Some(Means { component: component_of_constraint(name), era, object: format!("scc/{name}") })
    });
    constraints.chain(bindings(snapshot)).collect()
}

/// The bindings through which releases since 4.4 use OpenShift's own SCCs. Some were there before
/// that; these are nothing of another era.
fn bindings(snapshot: &Snapshot) -> Vec<Means> {
    let namespace = snapshot.namespace.as_str();
    let of = |version: &Version| official::objects(version, Platform::OpenShift, namespace);
    let before = of(&Version::release(4, 3, 99));
    let is_new = |binding: &Value| {
        let is_it = |it: &Value| it["kind"] == "RoleBinding" && name(it) == name(binding);
        name(binding).ends_with("-scc") && !before.iter().any(is_it)
    };
    of(&Version::release(4, 99, 0))
        .iter()
        .filter(|object| object["kind"] == "RoleBinding" && is_new(object))
        .filter_map(|binding| {
            let live = snapshot.object("RoleBinding", name(binding))?;
            let account = live["subjects"][0]["name"].as_str().unwrap_or_default();
            let component = component_of_account(account);
            let object = format!("rolebinding/{}", name(binding));
            Some(Means { component, era: Era::BuiltIn, object })
        })
        .collect()
}

/// The release that runs of a component; the scanner's images do not tell it, Central's do.
fn version_of(snapshot: &Snapshot, component: Component) -> Option<Version> {
    let asked = match component {
        Component::Secured => Component::Secured,
        Component::Central | Component::Scanner => Component::Central,
    };
    let all = running(snapshot);
    let own: Vec<_> = all.iter().filter(|one| one.component == asked).cloned().collect();
    oldest(snapshot, &own).or_else(|| oldest(snapshot, &all))
}

#[cfg(test)]
mod tests {

    use super::*;
    use crate::planner::plan;
    use crate::planner::testing::{installed, openshift, request};

    /// A release with the SCCs of another one beside its own, or instead of them.
    fn with_sccs_of(version: &str, other: &str, keeps_own: bool) -> Snapshot {
        let objects = |version: &str| {
            official::objects(&version.parse().unwrap(), Platform::OpenShift, "stackrox")
        };
        let mut all = objects(version);
        all.retain(|object| keeps_own || object["kind"] != KIND);
        all.extend(objects(other).into_iter().filter(|object| object["kind"] == KIND));
        installed(all)
    }

    #[test]
    fn what_a_release_brought_itself_is_no_finding() {
        for version in ["3.63.0", "3.69.2", "4.3.8", "4.4.0", "4.11.1"] {
            let snapshot = openshift(version);
            assert_eq!(mixed(&snapshot), [], "{version}");
            let era = Era::of(&version.parse().unwrap());
            assert_eq!(in_place(&snapshot), BTreeSet::from([era]), "{version}");
        }
    }

    #[test]
    fn the_command_that_is_told_mends_it() {
        for (version, other, keeps_own) in [
            ("3.69.2", "3.63.0", true),
            ("3.69.2", "3.63.0", false),
            ("4.4.0", "4.3.8", true),
            ("4.4.0", "3.69.2", true),
        ] {
            let mut snapshot = with_sccs_of(version, other, keeps_own);
            let findings = mixed(&snapshot);
            assert_eq!(findings.len(), 1, "{findings:?}");
            let place = if keeps_own { "beside" } else { "instead of" };
            assert!(findings[0].what.contains(&format!(") {place} what {version} needs")));
            assert!(findings[0].what.contains("central"), "{findings:?}");
            assert_eq!(findings[0].fix, format!("kubectl rhacs scc apply --for {version} --prune"));
            let plan = plan(&snapshot, &request(version, true)).unwrap();
            snapshot = snapshot.after(&plan);
            assert_eq!(mixed(&snapshot), [], "{version} with those of {other}");
        }
    }

    #[test]
    fn what_is_ahead_of_the_release_is_taken_back() {
        let mut snapshot = openshift("3.63.0");
        let plan = plan(&snapshot, &request("3.69.2", false)).unwrap();
        snapshot = snapshot.after(&plan);
        let findings = mixed(&snapshot);
        assert_eq!(findings.len(), 1, "{findings:?}");
        assert!(findings[0].what.starts_with("scc/stackrox-"), "{findings:?}");
        assert!(findings[0].fix.starts_with("`kubectl rhacs scc restore RUN"), "{findings:?}");
        assert_eq!(in_place(&snapshot), BTreeSet::from([Era::Bare, Era::Named]));

        let mut snapshot = openshift("4.3.8");
        let plan = crate::planner::plan(&snapshot, &request("4.4.0", false)).unwrap();
        snapshot = snapshot.after(&plan);
        let findings = mixed(&snapshot);
        assert!(findings[0].what.contains("rolebinding/central-use-scc"), "{findings:?}");
        assert_eq!(findings[0].fix, "kubectl rhacs scc apply --for 4.3.8 --prune");
    }

    #[test]
    fn half_an_upgrade_is_measured_by_the_part_that_runs() {
        let mut snapshot = openshift("3.63.0");
        let newer = openshift("3.69.2");
        let is_centrals = |object: &Value| {
            let known = ["Deployment", KIND].iter().any(|kind| object["kind"] == *kind);
            known && ["central", "scanner"].iter().any(|part| name(object).contains(part))
        };
        snapshot.objects.retain(|object| !is_centrals(object));
        snapshot.objects.extend(newer.objects.into_iter().filter(is_centrals));
        assert_eq!(mixed(&snapshot), []);
    }
}
