//! SecurityContextConstraints: the product's own in each era, and which one admits a pod.
//!
//! The rule is OpenShift's (openshift/apiserver-library-go, package `securitycontextconstraints`):
//! constraints are tried by priority, then from the most restrictive on, then by name; the first
//! that the service account may use and that the pod fits admits it and fills in what the pod does
//! not say. One implementation serves both the prediction and the embedded cluster.

mod admission;
mod builtin;
mod container;
mod defaults;
mod difference;
mod era;
mod grants;
mod order;
mod pod;
mod product;
mod prospect;
mod ranges;

pub use admission::{Admission, Admitted, Refusal, Refused, account_of, admitted_by, pod_of};
pub use builtin::{built_in_constraints, built_in_roles};
pub use defaults::with_defaults;
pub use difference::{Difference, canonical, differences};
pub use era::Era;
pub use grants::{Grant, Grants};
pub use order::sort;
pub use product::{
    belongs_to_product, capturing_users, component_of_account, component_of_constraint, is_marked,
    official_constraint, old_scc_names, owner_era, service_accounts,
};
pub use prospect::{Verdict, relying_on, verdicts, workload_of};
pub use ranges::Ranges;

use serde_json::Value;

/// The kind of these objects.
pub const KIND: &str = "SecurityContextConstraints";
/// The annotation of a pod that names the constraint that admitted it.
pub const ADMITTED_BY: &str = "openshift.io/scc";
/// The annotation of a pod that names the only constraint that may admit it.
pub const REQUIRED: &str = "openshift.io/required-scc";

fn text<'a>(object: &'a Value, pointer: &str) -> &'a str {
    object.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

fn items<'a>(object: &'a Value, pointer: &str) -> &'a [Value] {
    object.pointer(pointer).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn names<'a>(object: &'a Value, pointer: &str) -> Vec<&'a str> {
    items(object, pointer).iter().filter_map(Value::as_str).collect()
}

fn name(object: &Value) -> &str {
    text(object, "/metadata/name")
}

fn allows(constraint: &Value, field: &str) -> bool {
    constraint[field] == true
}
