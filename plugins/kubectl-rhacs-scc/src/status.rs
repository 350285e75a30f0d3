//! What `status` says: the SCCs, who may use them, and which one admits each pod. Pure.

use std::collections::BTreeSet;

use common::plan::{Finding, Plan};
use common::rhacs::scc::{
    Admission, Difference, Era, Grant, KIND, admitted_by, differences, is_marked, owner_era,
    pod_of, service_accounts, workload_of,
};
use common::rhacs::{Snapshot, Version};
use common::ui::{Cell, Header, Look, Output, Role, Table, findings_text};
use serde::Serialize;
use serde_json::Value;

use crate::checks::{in_place, spec_of};

/// What `status` prints.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    /// The number of this format.
    pub schema: u32,
    /// The namespace.
    pub namespace: String,
    /// The release that runs: the oldest of its images.
    pub running: Option<Version>,
    /// The era of that release.
    pub era: Option<Era>,
    /// The eras of which something is in place; one, when all is well.
    pub eras_in_place: BTreeSet<Era>,
    /// The release whose SCCs were asked about.
    #[serde(rename = "for", skip_serializing_if = "Option::is_none")]
    pub release: Option<Version>,
    /// The SCCs that the product brought, that people made for it, and that admit its pods.
    pub constraints: Vec<ConstraintStatus>,
    /// The pods of the namespace.
    pub pods: Vec<PodStatus>,
    /// What deserves a look.
    pub findings: Vec<Finding>,
}

/// One SCC.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ConstraintStatus {
    /// Its name.
    pub name: String,
    /// Whose it is.
    pub origin: Origin,
    /// The era it is of; none when the product did not bring it.
    pub era: Option<Era>,
    /// Its priority.
    pub priority: i64,
    /// Who may use it: of OpenShift's own only those of this namespace.
    pub users: Vec<User>,
    /// How it differs from the one of the release that was asked about, or else runs.
    pub differences: Vec<Difference>,
}

/// Whose an SCC is.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Origin {
    /// The product brought it.
    Product,
    /// Somebody made it, for the product's service accounts or from one of its SCCs.
    Custom,
    /// It is there without the product: OpenShift's.
    Cluster,
}

/// Somebody who may use an SCC.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct User {
    /// The user or group.
    pub subject: String,
    /// The binding through which; none when the SCC names it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub through: Option<String>,
}

/// One pod.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PodStatus {
    /// Its name.
    pub pod: String,
    /// The workload it is of.
    pub workload: Option<String>,
    /// The SCC that admitted it.
    pub scc: Option<String>,
    /// The SCC that would admit it anew, after the plan where a release was asked about.
    pub after: Option<String>,
    /// Why none would.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
}

/// The status of `snapshot`; `plan` is for the release that was asked about.
#[must_use]
pub fn status(
    snapshot: &Snapshot,
    running: Option<Version>,
    plan: Option<&Plan>,
    findings: Vec<Finding>,
) -> Status {
    let after = plan.map(|plan| snapshot.after(plan));
    let objects = &after.as_ref().unwrap_or(snapshot).objects;
    let release = plan.map(|plan| plan.to.clone());
    let compared = release.clone().or_else(|| running.clone());
    Status {
        schema: 1,
        namespace: snapshot.namespace.clone(),
        era: running.as_ref().map(Era::of),
        eras_in_place: in_place(snapshot),
        running,
        release,
        constraints: constraints(snapshot, compared.as_ref()),
        pods: snapshot.pods.iter().map(|pod| pod_status(snapshot, objects, pod)).collect(),
        findings,
    }
}

fn constraints(snapshot: &Snapshot, release: Option<&Version>) -> Vec<ConstraintStatus> {
    let admission = Admission::new(&snapshot.objects);
    let namespace = snapshot.namespace.as_str();
    let used = |name: &str| snapshot.pods.iter().any(|pod| admitted_by(pod) == Some(name));
    let mut all = Vec::new();
    for scc in admission.constraints() {
        let name = text(&scc["metadata"]["name"]).to_owned();
        let era = owner_era(scc, namespace);
        let is_for_us = is_marked(scc) || !service_accounts(scc, namespace).is_empty();
        let origin = match era {
            Some(_) => Origin::Product,
            None if is_for_us => Origin::Custom,
            None if used(&name) => Origin::Cluster,
            None => continue,
        };
        let grants = admission.grants().on(scc);
        let ours = |grant: &Grant| {
            let account = format!("system:serviceaccount:{namespace}:");
            origin != Origin::Cluster || grant.subject.starts_with(&account)
        };
        let spec = snapshot.object(KIND, &name).zip(release);
        let spec = spec.filter(|(_, release)| era == Some(Era::of(release)));
        let differences = spec.and_then(|(live, release)| {
            Some(differences(live, &spec_of(snapshot, live, release)?))
        });
        let user = |grant: Grant| User { subject: grant.subject, through: grant.binding };
        all.push(ConstraintStatus {
            priority: scc["priority"].as_i64().unwrap_or(0),
            users: grants.into_iter().filter(ours).map(user).collect(),
            differences: differences.unwrap_or_default(),
            name,
            origin,
            era,
        });
    }
    all
}

fn pod_status(snapshot: &Snapshot, objects: &[Value], pod: &Value) -> PodStatus {
    let workload = workload_of(snapshot, pod).and_then(|workload| workload.reference());
    let owner = workload.as_ref().and_then(|reference| {
        objects.iter().find(|object| {
            object["kind"] == reference.kind.as_str()
                && object["metadata"]["name"] == reference.name.as_str()
        })
    });
    // A pod nobody would make again is admitted once and for all.
    let verdict = owner.map(|owner| Admission::new(objects).admit(&pod_of(owner)));
    let (after, refused) = match verdict {
        Some(Ok(admitted)) => (Some(admitted.constraint), None),
        Some(Err(refused)) => (None, Some(refused.reason())),
        None => (None, None),
    };
    PodStatus {
        pod: text(&pod["metadata"]["name"]).to_owned(),
        workload: workload.map(|workload| workload.to_string()),
        scc: admitted_by(pod).map(str::to_owned),
        after,
        refused,
    }
}

/// The status for people.
#[must_use]
pub fn status_text(status: &Status, output: Output, look: Look) -> String {
    if output == Output::Name {
        let name = |it: &ConstraintStatus| {
            format!("securitycontextconstraints.security.openshift.io/{}\n", it.name)
        };
        return status.constraints.iter().map(name).collect();
    }
    let mut text = constraint_table(status, output).render(look, output.is_wide());
    text.push('\n');
    text.push_str(&pod_table(status).render(look, output.is_wide()));
    text.push('\n');
    text.push_str(&findings_text(&status.findings, look, output.is_wide()));
    text.push_str(&match (&status.running, status.era) {
        (Some(running), Some(era)) => format!("{running} runs, of the era {era}\n"),
        _ => "no image tag says which release runs\n".to_owned(),
    });
    text
}

fn constraint_table(status: &Status, output: Output) -> Table {
    let mut table = Table::new([
        Header::new("SCC"),
        Header::new("ORIGIN"),
        Header::new("ERA"),
        Header::new("PRIORITY"),
        Header::new("USERS").wrapping(),
        Header::new("DIFFERENCES").wrapping(),
    ]);
    let ours = format!("system:serviceaccount:{}:", status.namespace);
    for scc in &status.constraints {
        let users: Vec<String> = scc
            .users
            .iter()
            .map(|user| {
                let short = user.subject.strip_prefix(&ours).unwrap_or(&user.subject);
                match &user.through {
                    Some(through) if output.is_wide() => format!("{short} ({through})"),
                    _ => short.to_owned(),
                }
            })
            .collect();
        let fields: Vec<String> = scc
            .differences
            .iter()
            .map(|it| match output.is_wide() {
                true => format!("{}: {} instead of {}", it.field, it.is, it.official),
                false => it.field.clone(),
            })
            .collect();
        let fields = if fields.is_empty() {
            Cell::from("-")
        } else {
            Cell::painted(Role::Warning, fields.join(", "))
        };
        table.row([
            scc.name.clone().into(),
            origin_word(scc.origin).into(),
            scc.era.map_or_else(|| "-".to_owned(), |era| era.to_string()).into(),
            scc.priority.to_string().into(),
            if users.is_empty() { "-".into() } else { users.join(", ").into() },
            fields,
        ]);
    }
    table
}

fn pod_table(status: &Status) -> Table {
    let after = match status.release {
        Some(_) => "AFTER",
        None => "IF CREATED ANEW",
    };
    let mut table = Table::new([
        Header::new("POD"),
        Header::new("WORKLOAD"),
        Header::new("SCC"),
        Header::new(after).wrapping(),
    ]);
    for pod in &status.pods {
        let dash = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
        let after = match &pod.refused {
            Some(refused) => Cell::painted(Role::Error, format!("none: {refused}")),
            None => dash(&pod.after).into(),
        };
        table.row([
            pod.pod.clone().into(),
            dash(&pod.workload).into(),
            dash(&pod.scc).into(),
            after,
        ]);
    }
    table
}

const fn origin_word(origin: Origin) -> &'static str {
    match origin {
        Origin::Product => "product",
        Origin::Custom => "custom",
        Origin::Cluster => "cluster",
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use common::plan::{oldest, running};
    use serde_json::json;

    use super::*;
    use crate::planner::plan;
    use crate::planner::testing::{openshift, request};

    fn status_of(snapshot: &Snapshot, release: Option<&str>) -> Status {
        let plan = release.map(|release| plan(snapshot, &request(release, true)).unwrap());
        let version = oldest(snapshot, &running(snapshot));
        status(snapshot, version, plan.as_ref(), Vec::new())
    }

    fn of_pod<'a>(status: &'a Status, workload: &str) -> &'a PodStatus {
        status.pods.iter().find(|pod| pod.workload.as_deref() == Some(workload)).unwrap()
    }

    #[test]
    fn every_pod_is_told_with_what_admitted_it_and_what_would() {
        let snapshot = openshift("4.3.8");
        let now = status_of(&snapshot, None);
        assert_eq!(now.era, Some(Era::Named));
        for pod in &now.pods {
            assert_eq!(pod.scc, pod.after, "{pod:?}");
        }
        let after = status_of(&snapshot, Some("4.4.0"));
        let central = of_pod(&after, "deploy/central");
        assert_eq!(central.scc.as_deref(), Some("stackrox-central"));
        assert_eq!(central.after.as_deref(), Some("nonroot-v2"));
        assert_eq!(of_pod(&after, "ds/collector").after.as_deref(), Some("privileged"));
    }

    #[test]
    fn an_scc_is_told_with_its_era_its_users_and_its_differences() {
        let mut snapshot = openshift("3.69.2");
        let sensor = snapshot
            .objects
            .iter_mut()
            .find(|it| it["kind"] == KIND && it["metadata"]["name"] == "stackrox-sensor");
        sensor.unwrap()["priority"] = json!(5);
        snapshot.objects.push(json!({"kind": KIND, "metadata": {"name": "mine"},
            "users": ["system:serviceaccount:stackrox:central"]}));
        let status = status_of(&snapshot, None);
        let of = |name: &str| status.constraints.iter().find(|it| it.name == name).unwrap();
        assert_eq!(of("stackrox-sensor").priority, 5);
        assert_eq!(of("stackrox-sensor").differences[0].field, "priority");
        assert_eq!(of("stackrox-sensor").era, Some(Era::Named));
        let users: Vec<&str> =
            of("stackrox-sensor").users.iter().map(|it| it.subject.as_str()).collect();
        assert!(users.contains(&"system:serviceaccount:stackrox:sensor-upgrader"), "{users:?}");
        assert_eq!(of("mine").origin, Origin::Custom);
        assert_eq!(of("stackrox-central").differences, []);
        assert!(!status.constraints.iter().any(|it| it.name == "restricted"));
    }

    #[test]
    fn the_table_is_for_people_and_the_names_for_kubectl() {
        let status = status_of(&openshift("3.69.2"), Some("4.4.0"));
        let table = status_text(&status, Output::Table, Look::plain());
        for part in ["stackrox-collector           product", "3.64 to 4.3", "AFTER", "nonroot-v2"] {
            assert!(table.contains(part), "{part} is not in\n{table}");
        }
        let names = status_text(&status, Output::Name, Look::plain());
        assert!(
            names.contains("securitycontextconstraints.security.openshift.io/stackrox-central\n")
        );
    }
}
