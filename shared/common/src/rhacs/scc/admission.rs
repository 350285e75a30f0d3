//! Which constraint admits a pod.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::{Value, json};

use super::{ADMITTED_BY, Grants, KIND, REQUIRED, Ranges, name, order, pod, text, with_defaults};

/// Everything that decides about the admission of pods.
pub struct Admission<'a> {
    constraints: Vec<Value>,
    grants: Grants<'a>,
    ranges: BTreeMap<&'a str, Ranges>,
}

/// A pod that was admitted.
#[derive(Clone, Debug, PartialEq)]
pub struct Admitted {
    /// The name of the constraint.
    pub constraint: String,
    /// The pod, with what the constraint set in it.
    pub pod: Value,
}

/// Why a pod is not admitted.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Refused {
    /// The only constraint that it may use does not exist.
    Missing {
        /// Its name, from the pod's annotation.
        required: String,
    },
    /// None of the constraints admits it.
    ByAll(Vec<Refusal>),
}

/// Why one constraint does not admit a pod.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Refusal {
    /// The name of the constraint.
    pub constraint: String,
    /// What the pod has that it does not allow; empty when the service account may not use it.
    pub violations: Vec<String>,
}

impl<'a> Admission<'a> {
    /// Takes the constraints, Roles, bindings and Namespaces among `objects`.
    ///
    /// The service account of a pod decides, not who creates the pod: controllers create it.
    #[must_use]
    pub fn new(objects: impl IntoIterator<Item = &'a Value>) -> Self {
        let objects: Vec<&Value> = objects.into_iter().collect();
        let of_kind = |kind: &'static str| {
            objects.iter().copied().filter(move |object| object["kind"] == kind)
        };
        let mut constraints: Vec<Value> = of_kind(KIND).map(with_defaults).collect();
        order::sort(&mut constraints);
        let ranges = of_kind("Namespace").map(|it| (name(it), Ranges::of(it))).collect();
        Self { constraints, grants: Grants::of(&objects), ranges }
    }

    /// The constraints, in the order in which they are tried.
    #[must_use]
    pub fn constraints(&self) -> &[Value] {
        &self.constraints
    }

    /// Who may use them.
    #[must_use]
    pub const fn grants(&self) -> &Grants<'a> {
        &self.grants
    }

    /// Admits a pod under the first constraint that its service account may use and that it fits.
    ///
    /// # Errors
    /// Why none does.
    pub fn admit(&self, wanted: &Value) -> Result<Admitted, Refused> {
        let namespace = text(wanted, "/metadata/namespace");
        let account = account_of(wanted);
        let default = Ranges::default();
        let ranges = self.ranges.get(namespace).unwrap_or(&default);
        let required = wanted["metadata"]["annotations"][REQUIRED].as_str();
        let required = required.filter(|required| !required.is_empty());
        if let Some(required) = required
            && !self.constraints.iter().any(|constraint| name(constraint) == required)
        {
            return Err(Refused::Missing { required: required.to_owned() });
        }
        let mut refusals = Vec::new();
        for constraint in &self.constraints {
            let called = name(constraint);
            if required.is_some_and(|required| required != called) {
                continue;
            }
            let refusal = |violations| Refusal { constraint: called.to_owned(), violations };
            if !self.grants.allow(constraint, namespace, account) {
                refusals.push(refusal(Vec::new()));
                continue;
            }
            let mut candidate = wanted.clone();
            let violations = pod::apply(constraint, ranges, &mut candidate);
            if violations.is_empty() {
                candidate["metadata"]["annotations"][ADMITTED_BY] = json!(called);
                return Ok(Admitted { constraint: called.to_owned(), pod: candidate });
            }
            refusals.push(refusal(violations));
        }
        Err(Refused::ByAll(refusals))
    }
}

impl Refused {
    /// What of the pod the constraints that it may use do not allow, for people.
    #[must_use]
    pub fn reason(&self) -> String {
        let Self::ByAll(refusals) = self else { return self.to_string() };
        let usable: Vec<String> = refusals
            .iter()
            .filter(|refusal| !refusal.violations.is_empty())
            .map(|refusal| format!("{}: {}", refusal.constraint, refusal.violations.join(", ")))
            .collect();
        if usable.is_empty() {
            let names: Vec<&str> = refusals.iter().map(|it| it.constraint.as_str()).collect();
            return match names.as_slice() {
                [] => "there are no SCCs".to_owned(),
                [only] => format!("its service account may not use {only}"),
                _ => "its service account may use no SCC".to_owned(),
            };
        }
        usable.join("; ")
    }
}

impl fmt::Display for Refused {
    /// The words of OpenShift.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing { required } => write!(f, "required scc/{required} not found"),
            Self::ByAll(refusals) => {
                let texts: Vec<String> = refusals.iter().map(ToString::to_string).collect();
                write!(
                    f,
                    "unable to validate against any security context constraint: [{}]",
                    texts.join(", ")
                )
            }
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = &self.constraint;
        if self.violations.is_empty() {
            return write!(
                f,
                "provider \"{name}\": Forbidden: not usable by user or serviceaccount"
            );
        }
        let texts: Vec<String> = self
            .violations
            .iter()
            .map(|violation| format!("provider {name}: {violation}"))
            .collect();
        f.write_str(&texts.join(", "))
    }
}

/// The pod that a controller makes of a workload's template.
#[must_use]
pub fn pod_of(workload: &Value) -> Value {
    let template = &workload["spec"]["template"];
    let mut metadata = template["metadata"].clone();
    if !metadata.is_object() {
        metadata = json!({});
    }
    metadata["namespace"] = workload["metadata"]["namespace"].clone();
    metadata["generateName"] = json!(format!("{}-", name(workload)));
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"]})
}

/// The constraint that admitted a pod, as the pod says itself.
#[must_use]
pub fn admitted_by(pod: &Value) -> Option<&str> {
    pod["metadata"]["annotations"][ADMITTED_BY].as_str()
}

/// The service account of a pod, under either of its names.
#[must_use]
pub fn account_of(pod: &Value) -> &str {
    ["/spec/serviceAccountName", "/spec/serviceAccount"]
        .into_iter()
        .map(|pointer| text(pod, pointer))
        .find(|account| !account.is_empty())
        .unwrap_or("default")
}

#[cfg(test)]
mod tests;
