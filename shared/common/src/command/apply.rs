//! `apply`: run a reviewed plan, exactly as it was reviewed.

use std::path::Path;

use serde_json::Value;

use super::{Session, Tool, execute, prepare, propose_and_run};
use crate::checks::known_codes;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::plan::{PLAN_SCHEMA, Plan, moved};
use crate::rhacs::{ObjectRef, Snapshot};

/// Reads the plan, refuses one that does not fit, and runs it.
///
/// # Errors
/// A plan that cannot be read, was edited, is for another cluster, or no longer fits.
pub async fn run(session: &Session, file: &Path) -> Result<Exit, Failure> {
    known_codes(session.tool.groups, &session.flags.run.accept)?;
    let mut plan = read(session, file)?;
    execute::refuse_if_locked(session).await?;
    let (snapshot, central) = session.observe_all().await?;
    fits(&session.tool, &plan, &snapshot, |object| snapshot.find(object))?;
    execute::adjust(session, &mut plan);
    let prepared = prepare(session, snapshot, plan, central).await?;
    propose_and_run(session, prepared).await
}

/// Reads the plan in `file`, or on standard input when it is `-`.
///
/// # Errors
/// [`Exit::Usage`] when it cannot be read, is of another kind, or was edited.
pub fn read(session: &Session, file: &Path) -> Result<Plan, Failure> {
    let name = file.display();
    let bytes = if file == Path::new("-") {
        session.env.stdin().read_all()
    } else {
        std::fs::read(session.env.resolve(file))
    };
    let bytes = bytes.map_err(|error| {
        Failure::usage(format!("cannot read the plan `{name}`")).caused_by(&error)
    })?;
    let text = String::from_utf8(bytes)
        .map_err(|_| Failure::usage(format!("the plan `{name}` is not text")))?;
    decode(&session.tool, &text).map_err(|failure| {
        let plan = session.tool.command("plan … -o yaml > plan.yaml");
        failure.hint(format!("make a plan with `{plan}`"))
    })
}

/// Reads a plan from YAML or JSON, which YAML contains.
fn decode(tool: &Tool, text: &str) -> Result<Plan, Failure> {
    let mut documents: Vec<Value> = serde_saphyr::from_multiple(text)
        .map_err(|error| Failure::usage("the plan is not valid YAML").caused_by(&error))?;
    documents.retain(|document| !document.is_null());
    let count = documents.len();
    let Some(value) = documents.pop().filter(|_| count == 1) else {
        return Err(Failure::usage(match count {
            0 => "the plan is empty".to_owned(),
            more => format!("the file has {more} documents, a plan is one"),
        }));
    };
    let schema = value["schema"].as_u64();
    if schema != Some(u64::from(PLAN_SCHEMA)) {
        let found = schema.map_or_else(|| "none".to_owned(), |schema| schema.to_string());
        return Err(Failure::usage(format!(
            "the plan has schema {found}, this tool reads schema {PLAN_SCHEMA}"
        )));
    }
    let plan: Plan = serde_json::from_value(value)
        .map_err(|error| Failure::usage("the plan cannot be understood").caused_by(&error))?;
    if plan.operation != tool.operation {
        let message = format!("this is the plan of {}, not of {}", plan.operation, tool.operation);
        return Err(Failure::usage(message));
    }
    if !plan.is_intact() {
        return Err(Failure::usage("the plan was edited after it was made")
            .because("only a plan that was checked as a whole is applied"));
    }
    Ok(plan)
}

/// Refuses a plan that was made for something else than `snapshot`, or for what has changed since;
/// `now` knows each object of the plan as it is.
///
/// # Errors
/// [`Exit::PlanStale`], with what moved.
pub fn fits<'a>(
    tool: &Tool,
    plan: &Plan,
    snapshot: &Snapshot,
    now: impl Fn(&ObjectRef) -> Option<&'a Value>,
) -> Result<(), Failure> {
    if !plan.cluster.is_same(&snapshot.cluster) {
        return Err(Failure::new(Exit::PlanStale, "the plan was made for another cluster")
            .because(format!(
                "it is for {}, this is {}",
                plan.cluster.server, snapshot.cluster.server
            ))
            .hint("choose the cluster with --context"));
    }
    if plan.namespace != snapshot.namespace {
        return Err(Failure::new(
            Exit::PlanStale,
            format!("the plan is for namespace `{}`", plan.namespace),
        )
        .hint(tool.command(&format!("apply -n {} …", plan.namespace))));
    }
    let moved = moved(plan, now);
    if moved.is_empty() {
        return Ok(());
    }
    let names: Vec<String> = moved.iter().map(ToString::to_string).collect();
    Err(stale(tool, &format!("changed since: {}", names.join(", "))))
}

/// The failure of a plan that no longer fits, because of `reason`.
#[must_use]
pub fn stale(tool: &Tool, reason: &str) -> Failure {
    Failure::new(Exit::PlanStale, "the plan no longer fits the cluster")
        .because(reason)
        .hint(format!("make it again: {}", tool.command("plan … -o yaml > plan.yaml")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Operation;

    const TOOL: Tool = Tool { word: "upgrade", operation: Operation::Upgrade, groups: &[] };

    fn plan() -> Plan {
        Plan {
            schema: PLAN_SCHEMA,
            tool: "kubectl-rhacs 0.1.0".to_owned(),
            operation: Operation::Upgrade,
            cluster: crate::rhacs::ClusterIdentity::default(),
            namespace: "stackrox".to_owned(),
            platform: crate::rhacs::Platform::Kubernetes,
            from: crate::rhacs::Version::release(3, 66, 1),
            to: crate::rhacs::Version::release(3, 69, 2),
            components: Vec::new(),
            before: Vec::new(),
            basis: Vec::new(),
            steps: Vec::new(),
            course: None,
            digest: String::new(),
        }
        .sealed()
    }

    #[test]
    fn a_plan_survives_both_formats() {
        let json = serde_json::to_string(&plan()).expect("json");
        assert_eq!(decode(&TOOL, &json).expect("a plan"), plan());
        let yaml = crate::ui::to_yaml(&plan()).expect("yaml");
        assert_eq!(decode(&TOOL, &yaml).expect("a plan"), plan());
    }

    #[test]
    fn an_edited_plan_is_refused() {
        let json = serde_json::to_string(&plan()).expect("json").replace("3.69.2", "3.70.0");
        assert!(decode(&TOOL, &json).expect_err("a failure").to_string().contains("edited"));
    }

    #[test]
    fn what_is_no_plan_is_refused() {
        for text in ["", "a: [", "schema: 99", "schema: 1\nfoo: 2", "just words"] {
            assert_eq!(decode(&TOOL, text).expect_err(text).exit(), Exit::Usage, "{text}");
        }
    }

    #[test]
    fn a_plan_of_another_cluster_or_namespace_is_stale() {
        let mut plan = plan();
        plan.cluster.id = "one".to_owned();
        let exit_on = |namespace: &str, id: &str, server: &str| {
            let mut snapshot = Snapshot { namespace: namespace.to_owned(), ..Snapshot::default() };
            snapshot.cluster.id = id.to_owned();
            snapshot.cluster.server = server.to_owned();
            fits(&TOOL, &plan, &snapshot, |_| None).err().map(|failure| failure.exit())
        };
        assert_eq!(exit_on("stackrox", "one", "https://elsewhere"), None, "another way to it");
        assert_eq!(exit_on("rhacs", "one", ""), Some(Exit::PlanStale));
        assert_eq!(exit_on("stackrox", "other", ""), Some(Exit::PlanStale));
        // Who may not read the namespace goes by the address.
        assert_eq!(exit_on("stackrox", "", ""), None);
        assert_eq!(exit_on("stackrox", "", "https://elsewhere"), Some(Exit::PlanStale));
    }
}
