//! The rows of kinds that people seldom look at.

use serde_json::{Value, json};

use super::table::age;
use crate::store::meta;

/// The columns of each resource; `+` marks those only the wide form shows.
#[rustfmt::skip]
pub(crate) const COLUMNS: &[(&[&str], &[&str])] = &[
    (&["jobs.batch"], &["Name", "Status", "Completions", "Duration", "Age", "+Containers",
        "+Images", "+Selector"]),
    (&["cronjobs.batch"], &["Name", "Schedule", "Timezone", "Suspend", "Active", "Last Schedule",
        "Age", "+Containers", "+Images", "+Selector"]),
    (&["resourcequotas"], &["Name", "Request", "Limit", "Age"]),
    (&["ingresses.networking.k8s.io"], &["Name", "Class", "Hosts", "Address", "Ports", "Age"]),
    (&["endpointslices.discovery.k8s.io"], &["Name", "AddressType", "Ports", "Endpoints", "Age"]),
    (&["priorityclasses.scheduling.k8s.io"], &["Name", "Value", "Global-Default", "Age",
        "PreemptionPolicy"]),
];

/// The cells of an object, in the order of the columns; none if it has no columns here.
pub(crate) fn cells(
    key: &str,
    object: &Value,
    its_age: &str,
    now: jiff::Timestamp,
) -> Option<Vec<Value>> {
    let name = json!(meta::name(object));
    Some(match key {
        "jobs.batch" => job(object, name, its_age),
        "cronjobs.batch" => cron_job(object, name, its_age, now),
        "resourcequotas" => {
            let amounts = |limits| quota(object, limits);
            vec![name, amounts(false).into(), amounts(true).into(), its_age.into()]
        }
        "ingresses.networking.k8s.io" => ingress(object, name, its_age),
        "endpointslices.discovery.k8s.io" => slice(object, name, its_age),
        "priorityclasses.scheduling.k8s.io" => {
            let preemption = object["preemptionPolicy"].as_str();
            vec![
                name,
                object["value"].clone(),
                (object["globalDefault"] == true).into(),
                its_age.into(),
                preemption.unwrap_or("PreemptLowerPriority").into(),
            ]
        }
        _ => return None,
    })
}

/// The elements of a list at a pointer.
fn items<'a>(object: &'a Value, pointer: &str) -> &'a [Value] {
    object.pointer(pointer).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// Names, images and selector of a template.
fn template(template: &Value, selector: &Value) -> [Value; 3] {
    let containers = items(template, "/spec/containers");
    let of = |key: &str| -> Value {
        let texts = containers.iter().filter_map(|container| container[key].as_str());
        texts.collect::<Vec<_>>().join(",").into()
    };
    let labels = selector.as_object().into_iter().flatten();
    let labels: Vec<String> = labels
        .map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default()))
        .collect();
    let labels = if labels.is_empty() { "<none>".to_owned() } else { labels.join(",") };
    [of("name"), of("image"), labels.into()]
}

fn job(object: &Value, name: Value, age: &str) -> Vec<Value> {
    let conditions = items(object, "/status/conditions");
    let holds =
        |kind: &str| conditions.iter().any(|it| it["type"] == kind && it["status"] == "True");
    let status = ["Complete", "Failed", "Suspended"].into_iter().find(|kind| holds(kind));
    let done = object["status"]["succeeded"].as_i64().unwrap_or(0);
    let wanted = object["spec"]["completions"].as_i64().unwrap_or(1);
    let mut row = vec![
        name,
        status.unwrap_or("Running").into(),
        format!("{done}/{wanted}").into(),
        "".into(),
        age.into(),
    ];
    let spec = &object["spec"];
    row.extend(template(&spec["template"], &spec["selector"]["matchLabels"]));
    row
}

fn cron_job(object: &Value, name: Value, its_age: &str, now: jiff::Timestamp) -> Vec<Value> {
    let spec = &object["spec"];
    let last = object.pointer("/status/lastScheduleTime");
    let last = last.map_or_else(|| "<none>".to_owned(), |last| age(Some(last), now));
    let suspended = if spec["suspend"] == true { "True" } else { "False" };
    let mut row = vec![
        name,
        spec["schedule"].clone(),
        spec["timeZone"].as_str().unwrap_or("<none>").into(),
        suspended.into(),
        items(object, "/status/active").len().into(),
        last.into(),
        its_age.into(),
    ];
    let job = &spec["jobTemplate"]["spec"];
    row.extend(template(&job["template"], &job["selector"]["matchLabels"]));
    row
}

/// The limits of a quota, or its other amounts: `name: used/hard`.
fn quota(object: &Value, limits: bool) -> String {
    let hard = object.pointer("/spec/hard").and_then(Value::as_object).into_iter().flatten();
    let of_kind = hard.filter(|(name, _)| name.starts_with("limits") == limits);
    let amounts: Vec<String> = of_kind
        .map(|(name, hard)| {
            let used = object["status"]["used"][name].as_str().unwrap_or("0");
            format!("{name}: {used}/{}", hard.as_str().unwrap_or_default())
        })
        .collect();
    amounts.join(", ")
}

fn ingress(object: &Value, name: Value, age: &str) -> Vec<Value> {
    let hosts: Vec<&str> =
        items(object, "/spec/rules").iter().filter_map(|rule| rule["host"].as_str()).collect();
    let hosts = if hosts.is_empty() { "*".to_owned() } else { hosts.join(",") };
    let addresses = items(object, "/status/loadBalancer/ingress").iter();
    let addresses =
        addresses.filter_map(|it| it["ip"].as_str().or_else(|| it["hostname"].as_str()));
    let ports = if items(object, "/spec/tls").is_empty() { "80" } else { "80, 443" };
    vec![
        name,
        object["spec"]["ingressClassName"].as_str().unwrap_or("<none>").into(),
        hosts.into(),
        addresses.collect::<Vec<_>>().join(",").into(),
        ports.into(),
        age.into(),
    ]
}

fn slice(object: &Value, name: Value, age: &str) -> Vec<Value> {
    let ports: Vec<String> =
        items(object, "/ports").iter().map(|port| port["port"].to_string()).collect();
    let addresses: Vec<&str> = items(object, "/endpoints")
        .iter()
        .flat_map(|endpoint| items(endpoint, "/addresses"))
        .filter_map(Value::as_str)
        .collect();
    let shown = |list: Vec<String>, unset: &str| match list.len() {
        0 => unset.to_owned(),
        1..=3 => list.join(","),
        more => format!("{} + {} more...", list[..3].join(","), more - 3),
    };
    let addresses = addresses.into_iter().map(str::to_owned).collect();
    vec![
        name,
        object["addressType"].clone(),
        shown(ports, "<unset>").into(),
        shown(addresses, "<unset>").into(),
        age.into(),
    ]
}
