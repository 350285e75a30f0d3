//! SCCs of the new names that are there, but do not let the product's pods be created anew: copies
//! with the users of another namespace, SCCs whose users somebody took away, or narrower ones.

use serde_json::{Map, Value, json};

use super::super::{Component, Facts, Proposal, Rule, preparation};
use super::{SCC, SECURED_NAMES, keep_host_path, name_of, official_scc, rename_applies};
use crate::plan::{PatchKind, apply_patch};
use crate::rhacs::ObjectRef;
use crate::rhacs::scc::{
    Era, account_of, differences, is_marked, owner_era, pod_of, service_accounts, verdicts,
};

pub(in crate::rhacs::rules) const CENTRAL: Rule =
    rule(Component::Central, |facts| repairs(facts, &["central", "central-db"]));
pub(in crate::rhacs::rules) const SCANNER: Rule =
    rule(Component::Scanner, |facts| repairs(facts, &["scanner"]));
pub(in crate::rhacs::rules) const SECURED: Rule =
    rule(Component::Secured, |facts| repairs(facts, &SECURED_NAMES));

const fn rule(component: Component, propose: fn(&Facts<'_>) -> Vec<Proposal>) -> Rule {
    Rule {
        id: "scc-repair",
        component,
        why: "a pod is created anew only if an SCC names its service account and allows what it has",
        source: "upgrade guide 3.69, section 2.3.2; OpenShift's admission of pods",
        propose,
    }
}

/// What the SCCs that bear the product's marks lack. Nothing is taken from anybody; one without
/// the marks is somebody else's and is left as it is.
fn repairs(facts: &Facts<'_>, accounts: &[&str]) -> Vec<Proposal> {
    if !rename_applies(facts) {
        return Vec::new();
    }
    let official = accounts.iter().filter_map(|account| official_scc(facts, account));
    official
        .filter_map(|mut official| {
            keep_host_path(facts.snapshot, &mut official);
            let live = facts.snapshot.object(SCC, name_of(&official))?;
            if is_marked(live) { repair(facts, live, &official) } else { None }
        })
        .collect()
}

fn repair(facts: &Facts<'_>, live: &Value, official: &Value) -> Option<Proposal> {
    let mut body = Map::new();
    let mut said = Vec::new();
    let users = entries(live, "users");
    let missing: Vec<Value> =
        entries(official, "users").into_iter().filter(|user| !users.contains(user)).collect();
    if !missing.is_empty() {
        said.push(format!("may be used by {}", super::users_of(&json!({"users": missing}))));
        body.insert("users".to_owned(), json!([users, missing].concat()));
    }
    let named = apply_patch(live, &Value::Object(body.clone()), PatchKind::Merge);
    for (field, value) in needed(facts, &named, official) {
        said.push(format!("{field} as the release has it"));
        body.insert(field, value);
    }
    let object = ObjectRef::scc(name_of(official));
    (!body.is_empty()).then(|| preparation(object, Value::Object(body), said.join(", ")))
}

/// The fields of `official` without which `live` does not admit pods that it admits with them; as
/// few as possible, since the others are somebody's decision.
fn needed(facts: &Facts<'_>, live: &Value, official: &Value) -> Map<String, Value> {
    let mut fields: Map<String, Value> = differences(live, official)
        .into_iter()
        .filter(|it| !matches!(it.field.as_str(), "users" | "groups" | "priority"))
        .map(|it| (it.field.clone(), widened(live, official, &it.field)))
        .collect();
    let with = |fields: &Map<String, Value>| {
        apply_patch(live, &Value::Object(fields.clone()), PatchKind::Merge)
    };
    let refused = refused(facts, live, official);
    let incurable = self::refused(facts, &with(&fields), official);
    if refused.len() <= incurable.len() {
        return Map::new();
    }
    let names: Vec<String> = fields.keys().cloned().collect();
    for name in names {
        let Some(value) = fields.remove(&name) else { continue };
        if self::refused(facts, &with(&fields), official) != incurable {
            fields.insert(name, value);
        }
    }
    fields
}

/// The workloads of the SCC's service accounts whose pods nothing would admit if it were `scc`, the
/// old SCCs gone.
fn refused(facts: &Facts<'_>, scc: &Value, official: &Value) -> Vec<ObjectRef> {
    let snapshot = facts.snapshot;
    let namespace = snapshot.namespace.as_str();
    let is_replaced = |object: &&Value| {
        object["kind"] == SCC
            && (name_of(object) == name_of(official)
                || owner_era(object, namespace) == Some(Era::Bare))
    };
    let others = snapshot.objects.iter().filter(|object| !is_replaced(object)).cloned();
    let objects: Vec<Value> = others.chain([scc.clone()]).collect();
    let accounts = service_accounts(official, namespace);
    verdicts(&objects, &snapshot.pods, namespace)
        .into_iter()
        .filter(|(_, verdict)| verdict.is_err())
        .filter_map(|(object, _)| {
            let pod = pod_of(snapshot.find(&object)?);
            accounts.contains(&account_of(&pod)).then_some(object)
        })
        .collect()
}

/// What the release has in a field; of a list of what is allowed, that and what is there.
fn widened(live: &Value, official: &Value, field: &str) -> Value {
    if !matches!(field, "allowedCapabilities" | "seccompProfiles" | "volumes") {
        return official[field].clone();
    }
    let mut all = entries(official, field);
    // `none` is no volume, but the word for an empty list.
    let more = entries(live, field).into_iter().filter(|it| !all.contains(it) && it != "none");
    all.extend(more.collect::<Vec<_>>());
    Value::Array(all)
}

fn entries(scc: &Value, field: &str) -> Vec<Value> {
    scc[field].as_array().cloned().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::after_writes;
    use crate::rhacs::images::ImageOptions;
    use crate::rhacs::scc::built_in_constraints;
    use crate::rhacs::{Platform, Snapshot, Version, official};

    static TO: Version = Version::release(3, 74, 9);

    fn installation(change: impl Fn(&mut Value)) -> Snapshot {
        let version = Version::release(3, 69, 2);
        let mut objects = official::objects(&version, Platform::OpenShift, "stackrox");
        objects.extend(built_in_constraints());
        objects.iter_mut().for_each(change);
        Snapshot {
            namespace: "stackrox".to_owned(),
            platform: Some(Platform::OpenShift),
            objects,
            ..Snapshot::default()
        }
    }

    /// A change of the SCC of this name.
    fn scc(name: &'static str, change: impl Fn(&mut Value)) -> impl Fn(&mut Value) {
        move |object| {
            if object["kind"] == SCC && object["metadata"]["name"] == name {
                change(object);
            }
        }
    }

    fn proposals(snapshot: &Snapshot) -> Vec<Proposal> {
        let (from, images) = (Version::release(3, 69, 2), ImageOptions::default());
        let facts = Facts::new(snapshot, &from, &TO, &images);
        [CENTRAL, SCANNER, SECURED].iter().flat_map(|rule| rule.proposals(&facts)).collect()
    }

    /// The one proposal, and the SCC that it leaves; it is proposed once.
    fn repaired(snapshot: &Snapshot) -> (String, Value) {
        let found = proposals(snapshot);
        assert_eq!(found.len(), 1, "{found:#?}");
        let after = after_writes(&snapshot.objects, [&found[0].write]);
        let after = Snapshot { objects: after, ..snapshot.clone() };
        assert!(proposals(&after).is_empty(), "a second run changes nothing");
        let name = &found[0].write.object().name;
        (found[0].what.clone(), after.object(SCC, name).cloned().unwrap())
    }

    #[test]
    fn what_a_release_brought_needs_no_repair() {
        assert!(proposals(&installation(|_| {})).is_empty());
    }

    #[test]
    fn users_that_are_missing_come_to_those_that_are_there() {
        let users = json!(["system:serviceaccount:other:central"]);
        let snapshot = installation(scc("stackrox-central", |scc| scc["users"] = users.clone()));
        let (what, scc) = repaired(&snapshot);
        assert_eq!(what, "may be used by central");
        let both =
            ["system:serviceaccount:other:central", "system:serviceaccount:stackrox:central"];
        assert_eq!(scc["users"], json!(both));
    }

    #[test]
    fn an_scc_without_any_user_gets_the_releases() {
        let snapshot = installation(scc("stackrox-sensor", |scc| scc["users"] = json!([])));
        let (what, scc) = repaired(&snapshot);
        assert_eq!(what, "may be used by sensor, sensor-upgrader");
        assert_eq!(scc["users"].as_array().map(Vec::len), Some(2));
    }

    #[test]
    fn somebody_elses_scc_of_the_name_is_left_as_it_is() {
        let snapshot = installation(scc("stackrox-central", |scc| {
            scc["metadata"] = json!({"name": "stackrox-central"});
            scc["users"] = json!([]);
        }));
        assert!(proposals(&snapshot).is_empty());
    }

    #[test]
    fn only_what_admission_needs_is_widened() {
        let snapshot = installation(|object| {
            scc("stackrox-collector", |scc| {
                scc["allowHostDirVolumePlugin"] = json!(false);
                scc["readOnlyRootFilesystem"] = json!(false);
                scc["volumes"] = json!(["secret", "nfs"]);
                scc["priority"] = json!(3);
            })(object);
        });
        let (what, scc) = repaired(&snapshot);
        assert_eq!(
            what,
            "allowHostDirVolumePlugin as the release has it, volumes as the release has it"
        );
        assert_eq!(scc["priority"], 3);
        assert_eq!(scc["readOnlyRootFilesystem"], false, "nobody is refused for that");
        let volumes = scc["volumes"].as_array().unwrap();
        assert!(volumes.contains(&json!("nfs")), "what was allowed stays: {volumes:?}");
    }

    #[test]
    fn a_central_on_a_directory_of_its_node_gets_the_right_to_it() {
        let on_host = |object: &mut Value| {
            if object["kind"] == "Deployment" && object["metadata"]["name"] == "central" {
                let volumes = object["spec"]["template"]["spec"]["volumes"].as_array_mut();
                volumes.unwrap().push(json!({"name": "host", "hostPath": {"path": "/data"}}));
            }
        };
        let (what, scc) = repaired(&installation(on_host));
        assert_eq!(what, "allowHostDirVolumePlugin as the release has it");
        assert_eq!(scc["allowHostDirVolumePlugin"], true);
        let mut other = installation(on_host);
        other.objects.push(json!({
            "apiVersion": "security.openshift.io/v1", "kind": SCC, "metadata": {"name": "mine"},
            "allowHostDirVolumePlugin": true, "runAsUser": {"type": "RunAsAny"},
            "seLinuxContext": {"type": "RunAsAny"}, "seccompProfiles": ["*"], "volumes": ["*"],
            "users": ["system:serviceaccount:stackrox:central"],
        }));
        assert!(proposals(&other).is_empty(), "an SCC of one's own serves as well");
    }

    #[test]
    fn what_no_scc_of_the_release_allows_is_no_reason_to_widen_one() {
        let snapshot = installation(|object| {
            if object["kind"] == "Deployment" && object["metadata"]["name"] == "scanner" {
                object["spec"]["template"]["spec"]["hostPID"] = json!(true);
            }
        });
        assert!(proposals(&snapshot).is_empty());
    }
}
