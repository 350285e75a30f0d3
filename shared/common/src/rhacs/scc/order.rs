//! The order in which constraints are tried: by priority, then the most restrictive, then by name.

use std::cmp::Reverse;

use serde_json::Value;

use super::{allows, name, names, text};

/// Volume types that touch nothing but the pod.
const TRIVIAL: [&str; 6] = ["configMap", "downwardAPI", "emptyDir", "projected", "secret", "none"];

/// Sorts constraints, as [`with_defaults`](super::with_defaults) makes them, into the order in
/// which they are tried.
pub fn sort(constraints: &mut [Value]) {
    constraints.sort_by_cached_key(|constraint| {
        (
            Reverse(constraint["priority"].as_i64().unwrap_or(0)),
            points(constraint),
            name(constraint).to_owned(),
        )
    });
}

/// How much a constraint allows; OpenShift weighs it so.
fn points(constraint: &Value) -> i64 {
    let mut points = 0;
    for (field, weight) in [
        ("allowPrivilegedContainer", 1_000_000),
        ("allowHostNetwork", 200_000),
        ("allowHostPorts", 400_000),
    ] {
        points += if allows(constraint, field) { weight } else { 0 };
    }
    points
        + volume_points(constraint)
        + strategy_points(text(constraint, "/seLinuxContext/type"))
        + strategy_points(text(constraint, "/runAsUser/type"))
        + capability_points(constraint)
}

fn volume_points(constraint: &Value) -> i64 {
    let volumes = names(constraint, "/volumes");
    if volumes.iter().any(|volume| matches!(*volume, "*" | "hostPath")) {
        100_000
    } else if volumes.iter().any(|volume| !TRIVIAL.contains(volume)) {
        50_000
    } else {
        0
    }
}

fn strategy_points(strategy: &str) -> i64 {
    match strategy {
        "RunAsAny" => 40_000,
        "MustRunAsNonRoot" => 30_000,
        "MustRunAsRange" => 20_000,
        "MustRunAs" => 10_000,
        _ => 0,
    }
}

fn capability_points(constraint: &Value) -> i64 {
    let count = |list: &[&str]| i64::try_from(list.len()).unwrap_or(0);
    let allowed = names(constraint, "/allowedCapabilities");
    let dropped = names(constraint, "/requiredDropCapabilities");
    let mut points = 5_000 + 300 * count(&names(constraint, "/defaultAddCapabilities"));
    points += if allowed.contains(&"*") { 4_000 } else { 10 * count(&allowed) };
    points -= if dropped.contains(&"ALL") { 3_000 } else { 50 * count(&dropped) };
    points.clamp(0, 9_999)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rhacs::scc::{built_in_constraints, with_defaults};
    use crate::rhacs::{Platform, official};

    fn order(constraints: impl IntoIterator<Item = Value>) -> Vec<String> {
        let mut constraints: Vec<Value> =
            constraints.into_iter().map(|it| with_defaults(&it)).collect();
        sort(&mut constraints);
        constraints.iter().map(|constraint| name(constraint).to_owned()).collect()
    }

    #[test]
    fn built_in_constraints_are_tried_from_the_most_restrictive_on() {
        assert_eq!(
            order(built_in_constraints()),
            [
                "anyuid",
                "restricted-v2",
                "restricted",
                "nonroot-v2",
                "nonroot",
                "hostmount-anyuid",
                "machine-api-termination-handler",
                "hostnetwork-v2",
                "hostnetwork",
                "hostaccess",
                "node-exporter",
                "privileged"
            ]
        );
    }

    #[test]
    fn the_products_constraints_come_between_those_of_openshift() {
        let version = "3.69.2".parse().unwrap();
        let own = official::objects(&version, Platform::OpenShift, "stackrox");
        let own = own.into_iter().filter(|object| object["kind"] == super::super::KIND);
        let order = order(built_in_constraints().into_iter().chain(own));
        let place = |wanted: &str| order.iter().position(|name| name == wanted).unwrap();
        assert!(place("anyuid") < place("stackrox-central"));
        assert!(place("stackrox-central") < place("nonroot-v2"), "{order:?}");
        assert!(place("stackrox-collector") < place("privileged"), "the incident of OTA-680");
    }

    #[test]
    fn an_old_name_is_tried_before_the_new_one_of_the_same_constraint() {
        let of = |version: &str| {
            official::objects(&version.parse().unwrap(), Platform::OpenShift, "stackrox")
                .into_iter()
                .filter(|object| object["kind"] == super::super::KIND)
        };
        let order = order(of("3.63.0").chain(of("3.69.2")));
        for account in ["central", "scanner", "sensor", "collector", "admission-control"] {
            let place = |wanted: &str| order.iter().position(|name| name == wanted).unwrap();
            assert!(place(account) < place(&format!("stackrox-{account}")), "{account}");
        }
    }
}
