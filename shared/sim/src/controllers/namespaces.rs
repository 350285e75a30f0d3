//! Namespaces: each gets a ServiceAccount for pods that name none, and on OpenShift the ranges from
//! which its pods take users, groups and levels.

use serde_json::json;

use super::scc;
use super::{Round, manager};
use crate::store::meta;

/// Gives namespaces what they lack.
pub(crate) fn reconcile(round: &Round<'_>) {
    add_accounts(round);
    add_ranges(round);
}

fn add_accounts(round: &Round<'_>) {
    const ACCOUNTS: &str = "serviceaccounts";
    for namespace in round.store().list("namespaces", None) {
        let name = meta::name(&namespace);
        if !meta::is_being_deleted(&namespace)
            && round.store().read(ACCOUNTS, Some(name), "default").is_none()
        {
            let account = json!({"metadata": {"name": "default", "namespace": name}});
            // A namespace that went meanwhile needs none.
            let _ = round.store().create(ACCOUNTS, account, &manager());
        }
    }
}

/// Gives their ranges to the namespaces that have none; those of the system need none here.
fn add_ranges(round: &Round<'_>) {
    if !round.cluster.openshift {
        return;
    }
    let namespaces = round.store().list("namespaces", None);
    let (ready, fresh): (Vec<_>, Vec<_>) = namespaces
        .iter()
        .filter(|namespace| !meta::name(namespace).starts_with("kube-"))
        .partition(|namespace| scc::has_ranges(namespace));
    for (number, namespace) in (ready.len() as u64..).zip(fresh) {
        // A namespace that went meanwhile needs nothing.
        let _ = scc::annotate_namespace(round.store(), meta::name(namespace), number);
    }
}
