//! What every check looks at, with the questions that several of them ask.

use crate::plan::{Action, Forecast, Plan, Step};
use crate::rhacs::rules::component_of;
use crate::rhacs::{Component, ObjectRef, Snapshot, Workload};
use serde_json::Value;

use super::CheckOptions;

/// The installation, the plan for it, and the options.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    pub snapshot: &'a Snapshot,
    /// The installation as the plan leaves it, as far as that is known.
    pub after: &'a Snapshot,
    pub plan: &'a Plan,
    pub options: &'a CheckOptions,
}

impl<'a> Context<'a> {
    /// `kubectl -n NAMESPACE …`
    pub fn kubectl(&self, rest: &str) -> String {
        format!("kubectl -n {} {rest}", self.snapshot.namespace)
    }

    /// `kubectl rhacs …`, for this namespace.
    pub fn rhacs(&self, words: &str) -> String {
        suite_command(&self.snapshot.namespace, words)
    }

    /// The workloads that belong to the product.
    pub fn workloads(&self) -> impl Iterator<Item = Workload<'a>> + use<'a> {
        self.snapshot.workloads().filter(|workload| component_of(workload.name()).is_some())
    }

    /// The product's workloads that this plan changes.
    pub fn touched_workloads(&self) -> impl Iterator<Item = Workload<'a>> + use<'a> {
        let context = *self;
        self.workloads().filter(move |workload| context.touches(workload))
    }

    /// Whether the plan changes this workload, or has it changed.
    pub fn touches(&self, workload: &Workload<'_>) -> bool {
        workload.reference().is_some_and(|object| self.changes(&object))
    }

    /// Whether the plan changes this object, or has it changed.
    pub fn changes(&self, object: &ObjectRef) -> bool {
        self.forecast().any(|forecast| *forecast.object == *object)
    }

    /// Whether the plan deletes this object.
    pub fn deletes(&self, object: &ObjectRef) -> bool {
        self.forecast().any(|forecast| forecast.deletes() && *forecast.object == *object)
    }

    /// Every change that the plan makes or causes.
    pub fn forecast(&self) -> impl Iterator<Item = Forecast<'a>> + use<'a> {
        self.plan.forecast()
    }

    /// Whether the plan changes Central.
    pub fn changes_central(&self) -> bool {
        let changes = |step: &Step| {
            step.component == Some(Component::Central) && step.action.changes_something()
        };
        self.plan.steps.iter().any(changes)
    }

    /// Whether the plan starts with a backup.
    pub fn takes_backup(&self) -> bool {
        self.plan.backup_directory().is_some()
    }

    /// Whether the plan renews the Scanner's certificates.
    pub fn renews_scanner_certificates(&self) -> bool {
        self.has_action(|action| matches!(action, Action::ScannerBundle { .. }))
    }

    pub fn has_action(&self, is: impl Fn(&Action) -> bool) -> bool {
        self.plan.steps.iter().any(|step| is(&step.action))
    }

    /// Whether the way from the plan's source to its target enters the line `major.minor`.
    pub fn enters(&self, major: u32, minor: u32) -> bool {
        !self.plan.from.is_at_least(major, minor) && self.plan.to.is_at_least(major, minor)
    }

    /// Whole days from now until `time` (RFC 3339), negative when it is past; none when it is no
    /// time.
    pub fn days_until(&self, time: &str) -> Option<i64> {
        crate::rhacs::certificates::days_until(time, self.options.now)
    }
}

/// `kubectl rhacs WORDS`, for the installation in `namespace`.
pub fn suite_command(namespace: &str, words: &str) -> String {
    match namespace {
        "stackrox" => format!("kubectl rhacs {words}"),
        namespace => format!("kubectl rhacs {words} -n {namespace}"),
    }
}

/// The name of an object in JSON as kubectl takes it, such as `pvc/central-db`.
pub fn short(object: &Value) -> String {
    ObjectRef::of(object).map(|object| object.to_string()).unwrap_or_default()
}

/// A list in JSON, empty when it is absent.
pub fn items(list: &Value) -> impl Iterator<Item = &Value> {
    list.as_array().into_iter().flatten()
}

/// The name of an object in JSON.
pub fn name(object: &Value) -> &str {
    object["metadata"]["name"].as_str().unwrap_or_default()
}

/// A number of things with its noun, and the day in words.
pub fn in_days(days: i64) -> String {
    match days {
        i64::MIN..=-2 => format!("{} days ago", -days),
        -1 => "within the last day".to_owned(),
        0 => "within a day".to_owned(),
        1 => "in a day".to_owned(),
        _ => format!("in {days} days"),
    }
}
