//! How many pods each ReplicaSet of a Deployment has while one template replaces another.

use serde_json::{Value, json};

use super::deployments::{Rollout, unavailable_limit};
use super::events::Told;
use super::objects::{number, owned_by, portion, text};
use super::{Round, manager};
use crate::store::{Subresource, meta};

/// What the strategy allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limits {
    /// Pods above the desired number.
    pub(crate) surge: i64,
    /// Pods that may be unavailable.
    pub(crate) unavailable: i64,
}

/// The limits of a Deployment; those of Recreate are zero.
pub(crate) fn limits(deployment: &Value) -> Limits {
    if text(deployment, "/spec/strategy/type") == "Recreate" {
        return Limits { surge: 0, unavailable: 0 };
    }
    let desired = number(deployment, "/spec/replicas", 1);
    let surge =
        portion(deployment.pointer("/spec/strategy/rollingUpdate/maxSurge"), "25%", desired, true);
    let unavailable = unavailable_limit(deployment, desired);
    let unavailable = if surge == 0 && unavailable == 0 { 1 } else { unavailable };
    Limits { surge, unavailable: unavailable.min(desired) }
}

/// Whether the ReplicaSet of a new template may be made: Recreate waits until the old pods are gone.
pub(crate) fn is_room_for_new(round: &Round<'_>, rollout: &Rollout) -> bool {
    text(&rollout.deployment, "/spec/strategy/type") != "Recreate"
        || rollout
            .old
            .iter()
            .all(|set| number(set, "/spec/replicas", 0) == 0 && !has_pods(round, set))
}

/// The replicas with which the ReplicaSet of a new template begins.
pub(crate) fn first_replicas(rollout: &Rollout) -> i64 {
    let desired = number(&rollout.deployment, "/spec/replicas", 1);
    let old: i64 = rollout.old.iter().map(|set| number(set, "/spec/replicas", 0)).sum();
    (desired + limits(&rollout.deployment).surge - old).clamp(0, desired)
}

/// Scales the ReplicaSets one step towards the current template.
pub(crate) fn scale(round: &mut Round<'_>, rollout: &Rollout) {
    if text(&rollout.deployment, "/spec/strategy/type") == "Recreate" {
        recreate(round, rollout);
    } else {
        roll(round, rollout);
    }
}

fn recreate(round: &mut Round<'_>, rollout: &Rollout) {
    let mut waits = false;
    for set in &rollout.old {
        waits |= number(set, "/spec/replicas", 0) > 0 || has_pods(round, set);
        set_replicas(round, rollout, set, 0);
    }
    if let Some(new) = rollout.new.as_ref().filter(|_| !waits) {
        set_replicas(round, rollout, new, number(&rollout.deployment, "/spec/replicas", 1));
    }
}

/// Old pods must be gone, not only going.
fn has_pods(round: &Round<'_>, set: &Value) -> bool {
    let pods = owned_by(set, round.store().list("pods", Some(meta::namespace(set))));
    pods.iter().any(|pod| !matches!(text(pod, "/status/phase"), "Succeeded" | "Failed"))
}

fn roll(round: &mut Round<'_>, rollout: &Rollout) {
    let Some(new) = &rollout.new else { return };
    let desired = number(&rollout.deployment, "/spec/replicas", 1);
    let limits = limits(&rollout.deployment);
    let replicas = |set: &Value| number(set, "/spec/replicas", 0);
    let own = replicas(new);
    let old_total: i64 = rollout.old.iter().map(|set| replicas(set)).sum();
    if own > desired {
        return set_replicas(round, rollout, new, desired);
    }
    let room = desired + limits.surge - own - old_total;
    if own < desired && room > 0 {
        return set_replicas(round, rollout, new, own + room.min(desired - own));
    }
    if old_total == 0 {
        return;
    }
    let available = |set: &Value| number(set, "/status/availableReplicas", 0);
    let missing = own - available(new).min(own);
    let spare = own + old_total - (desired - limits.unavailable) - missing;
    // First those that serve nobody, then as many as the limit allows.
    for set in &rollout.old {
        let unhealthy = (replicas(set) - available(set)).clamp(0, spare.max(0));
        if unhealthy > 0 {
            return set_replicas(round, rollout, set, replicas(set) - unhealthy);
        }
    }
    let all_available: i64 =
        rollout.old.iter().map(|set| available(set).min(replicas(set))).sum::<i64>()
            + available(new);
    let surplus = all_available - (desired - limits.unavailable);
    if let Some(set) = rollout.old.iter().find(|set| replicas(set) > 0).filter(|_| surplus > 0) {
        set_replicas(round, rollout, set, (replicas(set) - surplus).max(0));
    }
}

fn set_replicas(round: &mut Round<'_>, rollout: &Rollout, set: &Value, wanted: i64) {
    let current = number(set, "/spec/replicas", 0);
    if current == wanted {
        return;
    }
    let changed = round.store().modify(
        "replicasets.apps",
        Some(meta::namespace(set)),
        meta::name(set),
        Subresource::Main,
        &manager(),
        |set| set["spec"]["replicas"] = json!(wanted),
    );
    if changed.is_ok() {
        let direction = if wanted > current { "up" } else { "down" };
        let message = format!(
            "Scaled {direction} replica set {} from {current} to {wanted}",
            meta::name(set)
        );
        let told = Told::normal("deployment-controller", "ScalingReplicaSet", &message);
        round.tell(&rollout.deployment, told);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_strategy_that_allows_nothing_still_moves() {
        let deployment = json!({"spec": {"replicas": 3, "strategy": {
            "type": "RollingUpdate", "rollingUpdate": {"maxSurge": 0, "maxUnavailable": 0}}}});
        assert_eq!(limits(&deployment), Limits { surge: 0, unavailable: 1 });
    }

    #[test]
    fn the_default_strategy_is_a_quarter() {
        let deployment = json!({"spec": {"replicas": 3, "strategy": {"type": "RollingUpdate"}}});
        assert_eq!(limits(&deployment), Limits { surge: 1, unavailable: 0 });
    }
}
