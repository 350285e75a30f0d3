//! Other runs of this suite, and other versions of it.

use crate::SUITE_VERSION;
use crate::plan::{Finding, Severity};
use crate::rhacs::Snapshot;

use super::context::{Context, suite_command};
use super::definition::Definition;

const UNFINISHED: Definition = Definition {
    code: "RHACS-RUN-UNFINISHED",
    severity: Severity::Warn,
    meaning: "an earlier run is recorded as not finished",
    why: "resuming it keeps its undo material; a new run starts from what is there now",
    source: "design: every run is recorded before each step",
};
const TOOL_OLDER: Definition = Definition {
    code: "RHACS-TOOL-OLDER",
    severity: Severity::Block,
    meaning: "the plan was made by a newer version of this tool",
    why: "it may rely on rules that this version does not have",
    source: "design: the plan that was shown is the plan that runs",
};

pub(super) const DEFINITIONS: &[Definition] = &[UNFINISHED, TOOL_OLDER];

pub(super) fn run(context: &Context<'_>) -> Vec<Finding> {
    let mut findings = unfinished(context);
    findings.extend(tool_older(context));
    findings
}

fn unfinished(context: &Context<'_>) -> Vec<Finding> {
    let runs = open_runs(context.snapshot).into_iter().map(|run| {
        let fix = run.resume(&context.snapshot.namespace);
        UNFINISHED.found(format!("run `{}` is recorded as {}", run.id, run.state), fix)
    });
    runs.collect()
}

/// A run that is recorded as not finished.
pub(crate) struct OpenRun {
    pub(crate) id: String,
    /// Such as `failed`.
    pub(crate) state: String,
    /// The plugin's word, such as `upgrade`.
    pub(crate) operation: String,
}

impl OpenRun {
    /// The command that finishes it.
    pub(crate) fn resume(&self, namespace: &str) -> String {
        suite_command(namespace, &format!("{} resume {}", self.operation, self.id))
    }
}

/// The runs that are recorded as not finished.
pub(crate) fn open_runs(snapshot: &Snapshot) -> Vec<OpenRun> {
    let runs = snapshot.secrets.iter().filter(|secret| secret.kind == "rhacs.kubectl/run");
    runs.filter_map(|secret| {
        let id = secret.name.strip_prefix("kubectl-rhacs-run-")?.to_owned();
        let state = secret.labels.get("rhacs.kubectl/state")?.to_lowercase();
        let word = secret.labels.get("rhacs.kubectl/operation").map_or("upgrade", String::as_str);
        let open = matches!(state.as_str(), "running" | "failed" | "interrupted");
        open.then(|| OpenRun { id, state, operation: word.to_owned() })
    })
    .collect()
}

fn tool_older(context: &Context<'_>) -> Option<Finding> {
    let writer = context.plan.tool.rsplit(' ').next()?;
    (numbers(writer)? > numbers(SUITE_VERSION)?).then(|| {
        TOOL_OLDER.found(
            format!("the plan was made by {}, this is {SUITE_VERSION}", context.plan.tool),
            "kubectl krew upgrade rhacs",
        )
    })
}

fn numbers(version: &str) -> Option<Vec<u32>> {
    version.split('.').map(|part| part.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::super::testing::Installation;
    use crate::rhacs::SecretFacts;

    fn record(state: &str) -> SecretFacts {
        SecretFacts {
            name: "kubectl-rhacs-run-20260101-080000-abcd".to_owned(),
            kind: "rhacs.kubectl/run".to_owned(),
            labels: [("rhacs.kubectl/state".to_owned(), state.to_owned())].into(),
            ..SecretFacts::default()
        }
    }

    #[test]
    fn an_unfinished_run_is_resumed_first() {
        for (state, found) in
            [("running", true), ("failed", true), ("interrupted", true), ("finished", false)]
        {
            let mut installation = Installation::at("3.62.1");
            installation.snapshot.secrets.push(record(state));
            assert_eq!(installation.has("RHACS-RUN-UNFINISHED", "3.69.2"), found, "{state}");
        }
    }

    #[test]
    fn a_plan_of_a_newer_tool_is_refused() {
        let installation = Installation::at("3.62.1");
        let mut plan = installation.plan_for("3.69.2");
        for (tool, found) in
            [("kubectl-rhacs 99.0.0", true), ("kubectl-rhacs 0.0.9", false), ("dev", false)]
        {
            plan.tool = tool.to_owned();
            let findings = installation.findings_of(&plan);
            let is = findings.iter().any(|finding| finding.code == "RHACS-TOOL-OLDER");
            assert_eq!(is, found, "{tool}");
        }
    }
}
