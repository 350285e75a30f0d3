//! The order in which constraints are tried: by priority, then the most restrictive, then by name.

use std::cmp::Reverse;

use serde_json::{Value, json};

use crate::controllers::objects::{items, number, text};
use crate::store::meta;

/// Volume types that touch nothing but the pod.
const TRIVIAL: &[&str] = &["configMap", "downwardAPI", "emptyDir", "projected", "secret", "none"];

/// Sorts constraints into the order in which they are tried.
pub(crate) fn sort(constraints: &mut [std::sync::Arc<Value>]) {
    constraints.sort_by_cached_key(|constraint| {
        (
            Reverse(number(constraint, "/priority", 0)),
            points(constraint),
            meta::name(constraint).to_owned(),
        )
    });
}

/// How much a constraint allows; OpenShift weighs it so.
fn points(constraint: &Value) -> i64 {
    let allows = |key: &str| constraint[key] == json!(true);
    let mut points = 0;
    for (key, weight) in [
        ("allowPrivilegedContainer", 1_000_000),
        ("allowHostNetwork", 200_000),
        ("allowHostPorts", 400_000),
    ] {
        points += if allows(key) { weight } else { 0 };
    }
    points
        + volume_points(constraint)
        + strategy_points(text(constraint, "/seLinuxContext/type"))
        + strategy_points(text(constraint, "/runAsUser/type"))
        + capability_points(constraint)
}

fn volume_points(constraint: &Value) -> i64 {
    let volumes: Vec<&str> =
        items(constraint, "/volumes").iter().filter_map(Value::as_str).collect();
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
    let names = |pointer: &str| -> Vec<&str> {
        items(constraint, pointer).iter().filter_map(Value::as_str).collect()
    };
    let count = |list: &[&str]| i64::try_from(list.len()).unwrap_or(0);
    let allowed = names("/allowedCapabilities");
    let dropped = names("/requiredDropCapabilities");
    let mut points = 5_000 + 300 * count(&names("/defaultAddCapabilities"));
    points += if allowed.contains(&"*") { 4_000 } else { 10 * count(&allowed) };
    points -= if dropped.contains(&"ALL") { 3_000 } else { 50 * count(&dropped) };
    points.clamp(0, 9_999)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::controllers::scc::builtin;

    #[test]
    fn built_in_constraints_are_tried_from_the_most_restrictive_on() {
        let mut constraints: Vec<Arc<Value>> =
            builtin::constraints().into_iter().map(Arc::new).collect();
        sort(&mut constraints);
        let names: Vec<&str> =
            constraints.iter().map(|constraint| meta::name(constraint)).collect();
        assert_eq!(
            names,
            [
                "anyuid",
                "restricted-v2",
                "restricted",
                "nonroot-v2",
                "nonroot",
                "hostmount-anyuid",
                "hostaccess",
                "privileged"
            ]
        );
    }
}
