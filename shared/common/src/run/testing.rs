//! Builders of plans and records for the tests of this room.

use jiff::Timestamp;

use super::record::Record;
use crate::plan::{Action, Operation, PLAN_SCHEMA, Plan, Step, Undo};
use crate::rhacs::{ClusterIdentity, Component, Platform, Version};

/// A plan whose steps have these ids and write nothing.
pub fn plan_of(ids: &[&str]) -> Plan {
    let step = |id: &&str| Step {
        id: (*id).to_owned(),
        component: (*id == "central").then_some(Component::Central),
        title: format!("Do {id}"),
        action: Action::Write { writes: Vec::new() },
        changes: Vec::new(),
        undo: Undo::Restore,
        verify: Vec::new(),
        timeout_seconds: 60,
    };
    Plan {
        schema: PLAN_SCHEMA,
        tool: "0.1.0".to_owned(),
        operation: Operation::Upgrade,
        cluster: ClusterIdentity::default(),
        namespace: "stackrox".to_owned(),
        platform: Platform::Kubernetes,
        from: Version::release(3, 62, 1),
        to: Version::release(3, 69, 2),
        components: vec![Component::Central],
        before: Vec::new(),
        basis: Vec::new(),
        steps: ids.iter().map(step).collect(),
        course: None,
        digest: String::new(),
    }
    .sealed()
}

/// The record of a run of `plan` that has not started.
pub fn record_of(plan: Plan) -> Record {
    let at = Timestamp::constant(1_709_208_000, 0);
    Record::new(
        "20240229-120000-00ff".to_owned(),
        plan,
        "alice".to_owned(),
        "bastion".to_owned(),
        at,
    )
}
