//! The Roles whose rules changed with the releases: rows 5 and 13 of the guide.

use serde_json::{Value, json};

use super::{Component, Facts, Proposal, Rule, preparation};
use crate::rhacs::{ObjectRef, Platform, Version, official};

pub(super) const DIAGNOSTICS: Rule = Rule {
    id: "diagnostics-role",
    component: Component::Central,
    why: "diagnostic bundles read only what the new release's Role lists",
    source: "upgrade guide, module upgrade-central; product charts of 3.65 and 3.73",
    propose: |facts| DIAGNOSTICS_ROLE.proposal(facts).into_iter().collect(),
};

pub(super) const EDIT: Rule = Rule {
    id: "edit-role",
    component: Component::Secured,
    why: "since 3.73 the sensor's Role names its verbs instead of allowing all",
    source: "upgrade guide, module upgrade-central-openshift; product charts of 3.73",
    propose: |facts| EDIT_ROLE.proposal(facts).into_iter().collect(),
};

/// A Role of the product that somebody changed, so that the upgrade leaves it alone.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct KeptRole {
    /// The Role.
    pub object: ObjectRef,
    /// The part of the product it belongs to.
    pub component: Component,
    /// What it allows.
    pub allows: String,
    /// What the target release's own allows.
    pub official: String,
}

/// The Roles that have the rules of no release.
#[must_use]
pub fn kept_roles(facts: &Facts<'_>) -> Vec<KeptRole> {
    let kept = |role: &Role| match role.judge(facts)? {
        Verdict::Foreign { live, official } => Some(KeptRole {
            object: role.reference(facts),
            component: role.component,
            allows: summary(live),
            official: summary(official),
        }),
        Verdict::Current | Verdict::Replace { .. } => None,
    };
    [DIAGNOSTICS_ROLE, EDIT_ROLE].iter().filter_map(kept).collect()
}

/// A Role that not every release gives the same rules.
struct Role {
    name: &'static str,
    component: Component,
    /// The releases in which its rules changed, after the oldest known one.
    changes: &'static [Version],
}

/// What an upgrade has to do with the live Role.
enum Verdict<'a> {
    /// It allows what the target release, or a newer one, wants.
    Current,
    /// The rules of an earlier release are replaced.
    Replace {
        /// The rules that go.
        former: Vec<&'a Value>,
        /// The rules of the target release.
        official: &'a [Value],
        /// Rules that somebody added; they stay.
        own: Vec<&'a Value>,
    },
    /// Its rules are those of no release.
    Foreign { live: &'a [Value], official: &'a [Value] },
}

impl Role {
    fn proposal(&self, facts: &Facts<'_>) -> Option<Proposal> {
        let Some(Verdict::Replace { former, official, own }) = self.judge(facts) else {
            return None;
        };
        let mut what = format!("{} → {}", summary(former), summary(official));
        if !own.is_empty() {
            what.push_str(&format!("; kept as added: {}", summary(own.iter().copied())));
        }
        let rules: Vec<&Value> = official.iter().chain(own).collect();
        Some(preparation(self.reference(facts), json!({"rules": rules}), what))
    }

    /// None when there is no such Role, or none in the target release.
    fn judge<'a>(&self, facts: &'a Facts<'_>) -> Option<Verdict<'a>> {
        let live = facts.snapshot.object("Role", self.name)?["rules"].as_array()?.as_slice();
        let official = facts.official("Role", self.name)?["rules"].as_array()?.as_slice();
        if live == official {
            return Some(Verdict::Current);
        }
        let releases = self.changes.iter().map(|release| (release, self.rules(facts, release)));
        let is_there = |rules: &[Value]| rules.iter().all(|rule| live.contains(rule));
        let (former, newer): (Vec<_>, Vec<_>) = releases
            .filter(|(_, rules)| !rules.is_empty() && is_there(rules))
            .partition(|(release, _)| *release <= facts.to);
        if former.is_empty() {
            let is_newer = !newer.is_empty();
            return Some(if is_newer {
                Verdict::Current
            } else {
                Verdict::Foreign { live, official }
            });
        }
        let is_former = |rule: &&Value| former.iter().any(|(_, rules)| rules.contains(rule));
        let (former, own): (Vec<_>, Vec<_>) = live.iter().partition(is_former);
        let is_done = is_there(official) && former.iter().all(|rule| official.contains(rule));
        Some(if is_done { Verdict::Current } else { Verdict::Replace { former, official, own } })
    }

    /// The rules of a release.
    fn rules(&self, facts: &Facts<'_>, release: &Version) -> Vec<Value> {
        let platform = facts.snapshot.platform.unwrap_or(Platform::Kubernetes);
        let objects = official::objects(release, platform, &facts.snapshot.namespace);
        let is_it =
            |object: &&Value| object["kind"] == "Role" && object["metadata"]["name"] == self.name;
        let rules = objects.iter().find(is_it).and_then(|role| role["rules"].as_array());
        rules.cloned().unwrap_or_default()
    }

    fn reference(&self, facts: &Facts<'_>) -> ObjectRef {
        facts.namespaced("rbac.authorization.k8s.io/v1", "Role", self.name)
    }
}

/// `get,list on *`: enough to see what a Role allows.
fn summary<'a>(rules: impl IntoIterator<Item = &'a Value>) -> String {
    let words = |list: &Value| {
        let words: Vec<&str> =
            list.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        words.join(",")
    };
    let rules: Vec<String> = rules
        .into_iter()
        .map(|rule| format!("{} on {}", words(&rule["verbs"]), words(&rule["resources"])))
        .collect();
    rules.join("; ")
}

const DIAGNOSTICS_ROLE: Role = Role {
    name: "stackrox-central-diagnostics",
    component: Component::Central,
    changes: &[
        Version::release(3, 58, 0),
        Version::release(3, 65, 0),
        Version::release(3, 73, 0),
        Version::release(4, 1, 0),
    ],
};
const EDIT_ROLE: Role = Role {
    name: "edit",
    component: Component::Secured,
    changes: &[Version::release(3, 58, 0), Version::release(3, 73, 0)],
};

#[cfg(test)]
mod tests {
    use super::super::Write;
    use super::*;
    use crate::rhacs::Snapshot;
    use crate::rhacs::images::ImageOptions;

    const NAMESPACE: &str = "stackrox";

    fn of(role: &Role, release: &Version) -> Value {
        let objects = official::objects(release, Platform::Kubernetes, NAMESPACE);
        let is_it =
            |object: &&Value| object["kind"] == "Role" && object["metadata"]["name"] == role.name;
        objects.iter().find(is_it).cloned().unwrap_or_default()
    }

    /// What becomes of a live Role on the way to a release: its new rules and the words about
    /// them, and whether it is told to be kept.
    fn outcome(role: Value, to: &Version) -> (Option<(Value, String)>, bool) {
        let rules = [DIAGNOSTICS, EDIT];
        let rule = &rules[usize::from(role["metadata"]["name"] == EDIT_ROLE.name)];
        let snapshot = Snapshot {
            namespace: NAMESPACE.to_owned(),
            platform: Some(Platform::Kubernetes),
            objects: vec![role],
            ..Snapshot::default()
        };
        let (from, images) = (Version::release(3, 62, 1), ImageOptions::default());
        let facts = Facts::new(&snapshot, &from, to, &images);
        let changed = rule.proposals(&facts).pop().map(|proposal| match proposal.write {
            Write::Patch { body, .. } => (body["rules"].clone(), proposal.what),
            other => unreachable!("{other:?}"),
        });
        (changed, !kept_roles(&facts).is_empty())
    }

    const TARGET: Version = Version::release(3, 74, 9);

    #[test]
    fn a_role_of_an_older_release_is_brought_to_that_of_the_target() {
        for role in [DIAGNOSTICS_ROLE, EDIT_ROLE] {
            let (changed, kept) = outcome(of(&role, &Version::release(3, 64, 0)), &TARGET);
            let (rules, what) = changed.unwrap();
            assert_eq!(rules, of(&role, &TARGET)["rules"]);
            assert!(what.contains(" on * → ") && !what.contains("kept"), "{what}");
            assert!(!kept);
        }
    }

    #[test]
    fn a_role_of_the_target_or_of_a_newer_release_is_left_alone() {
        for role in [DIAGNOSTICS_ROLE, EDIT_ROLE] {
            for to in [Version::release(3, 69, 2), TARGET] {
                assert_eq!(outcome(of(&role, &to), &to), (None, false));
                let newer = of(&role, &Version::release(4, 1, 0));
                assert_eq!(outcome(newer, &to), (None, false));
            }
        }
    }

    #[test]
    fn a_role_that_somebody_changed_is_kept_and_told() {
        for role in [DIAGNOSTICS_ROLE, EDIT_ROLE] {
            let mut own = of(&role, &Version::release(3, 72, 0));
            own["rules"][0]["verbs"] = json!(["get"]);
            assert_eq!(outcome(own, &TARGET), (None, true), "{}", role.name);
        }
    }

    #[test]
    fn a_rule_that_somebody_added_stays() {
        let own = json!({"apiGroups": ["example.com"], "resources": ["widgets"], "verbs": ["*"]});
        for role in [DIAGNOSTICS_ROLE, EDIT_ROLE] {
            for place in [0, 1] {
                let mut live = of(&role, &Version::release(3, 64, 0));
                live["rules"].as_array_mut().unwrap().insert(place, own.clone());
                let (changed, kept) = outcome(live.clone(), &TARGET);
                let (rules, what) = changed.unwrap();
                let mut expected = of(&role, &TARGET)["rules"].clone();
                expected.as_array_mut().unwrap().push(own.clone());
                assert_eq!(rules, expected);
                assert!(what.ends_with("; kept as added: * on widgets"), "{what}");
                live["rules"] = rules;
                assert_eq!((outcome(live, &TARGET), kept), ((None, false), false));
            }
        }
    }

    #[test]
    fn what_allows_all_goes_even_beside_what_the_target_wants() {
        let mut both = of(&EDIT_ROLE, &Version::release(3, 72, 0));
        both["rules"].as_array_mut().unwrap().push(of(&EDIT_ROLE, &TARGET)["rules"][0].clone());
        let (changed, _) = outcome(both, &TARGET);
        assert_eq!(changed.unwrap().0, of(&EDIT_ROLE, &TARGET)["rules"]);
    }

    #[test]
    fn every_change_of_the_roles_is_known() {
        for role in [DIAGNOSTICS_ROLE, EDIT_ROLE] {
            let minors = (58..=74).map(|minor| (3, minor)).chain((0..=11).map(|minor| (4, minor)));
            let mut known = Value::Null;
            for release in minors.map(|(major, minor)| Version::release(major, minor, 0)) {
                let rules = of(&role, &release)["rules"].clone();
                let is_listed = role.changes.contains(&release);
                assert_eq!(rules != known, is_listed, "{} {release}", role.name);
                known = rules;
            }
        }
    }
}
