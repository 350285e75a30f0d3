//! Whether admission webhooks that nobody answers for would refuse what a plan writes.

use serde_json::Value;

use crate::checks::{admission_requests, dead_webhook};
use crate::cluster::Cluster;
use crate::observe::webhooks::{dead, mutating};
use crate::plan::{Finding, Plan};
use crate::rhacs::Snapshot;
use crate::rhacs::webhooks::{KINDS, Request, intercepts};

/// The webhooks that would refuse a request of `plan`.
pub(super) async fn findings(cluster: &Cluster, snapshot: &Snapshot, plan: &Plan) -> Vec<Finding> {
    let requests = admission_requests(snapshot, plan);
    let mut configurations: Vec<Value> = snapshot.of_kind(KINDS[1]).cloned().collect();
    configurations.extend(mutating(cluster).await);
    let asked = |webhook: &Value| -> Vec<&Request> {
        requests.iter().filter(|request| intercepts(webhook, request)).collect()
    };
    let dead = dead(cluster, &configurations, |webhook| !asked(webhook).is_empty()).await;
    let found = dead
        .iter()
        .map(|it| dead_webhook(&it.configuration, &it.webhook, &asked(&it.webhook), &it.why));
    found.collect()
}
