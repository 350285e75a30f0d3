//! Namespaces on OpenShift: each gets the ranges from which its pods take users, groups and levels.

use super::Round;
use super::scc;
use crate::store::meta;

/// Gives their ranges to the namespaces that have none; those of the system need none here.
pub(crate) fn reconcile(round: &Round<'_>) {
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
