//! `apply`: run a reviewed plan, exactly as it was reviewed.

use std::path::Path;

use common::exit::Exit;
use common::failure::Failure;
use common::plan::{Operation, PLAN_SCHEMA, Plan};
use common::rhacs::Snapshot;
use serde_json::Value;

use super::upgrade;
use crate::execute;
use crate::planner;
use crate::prepare::check;
use crate::session::Session;

/// Reads the plan, refuses one that does not fit, and runs it.
///
/// # Errors
/// A plan that cannot be read, was edited, is for another cluster, or no longer fits.
pub async fn run(session: &Session, file: &Path) -> Result<Exit, Failure> {
    let plan = read(session, file)?;
    execute::refuse_if_locked(session).await?;
    let (snapshot, central) = session.observe_all().await?;
    fits(&plan, &snapshot)?;
    let mut plan = plan;
    execute::adjust(session, &mut plan);
    let prepared = check(session, snapshot, plan, central).await?;
    upgrade::propose_and_run(session, prepared).await
}

fn read(session: &Session, file: &Path) -> Result<Plan, Failure> {
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
    decode(&text).map_err(|failure| {
        failure
            .hint("make a plan with `kubectl rhacs upgrade plan --to VERSION -o yaml > plan.yaml`")
    })
}

/// Reads a plan from YAML or JSON, which YAML contains.
fn decode(text: &str) -> Result<Plan, Failure> {
    let value: Value = serde_saphyr::from_str(text)
        .map_err(|error| Failure::usage("the plan is not valid YAML").caused_by(&error))?;
    let schema = value["schema"].as_u64();
    if schema != Some(u64::from(PLAN_SCHEMA)) {
        let found = schema.map_or_else(|| "none".to_owned(), |schema| schema.to_string());
        return Err(Failure::usage(format!(
            "the plan has schema {found}, this tool reads schema {PLAN_SCHEMA}"
        )));
    }
    let plan: Plan = serde_json::from_value(value)
        .map_err(|error| Failure::usage("the plan cannot be understood").caused_by(&error))?;
    if plan.operation != Operation::Upgrade {
        return Err(Failure::usage("this is not the plan of an upgrade"));
    }
    if !plan.is_intact() {
        return Err(Failure::usage("the plan was edited after it was made")
            .because("only a plan that was checked as a whole is applied"));
    }
    Ok(plan)
}

fn fits(plan: &Plan, snapshot: &Snapshot) -> Result<(), Failure> {
    let again = format!("kubectl rhacs upgrade plan --to {} -o yaml > plan.yaml", plan.to);
    if plan.cluster.id != snapshot.cluster.id {
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
        .hint(format!("kubectl rhacs upgrade apply -n {} …", plan.namespace)));
    }
    let moved = planner::moved(plan, snapshot);
    if moved.is_empty() {
        return Ok(());
    }
    let names: Vec<String> = moved.iter().map(ToString::to_string).collect();
    Err(Failure::new(Exit::PlanStale, "the plan no longer fits the cluster")
        .because(format!("changed since: {}", names.join(", ")))
        .hint(again))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan() -> Plan {
        Plan {
            schema: PLAN_SCHEMA,
            tool: "kubectl-rhacs 0.1.0".to_owned(),
            operation: Operation::Upgrade,
            cluster: common::rhacs::ClusterIdentity::default(),
            namespace: "stackrox".to_owned(),
            platform: common::rhacs::Platform::Kubernetes,
            from: common::rhacs::Version::release(3, 66, 1),
            to: common::rhacs::Version::release(3, 69, 2),
            components: Vec::new(),
            before: Vec::new(),
            basis: Vec::new(),
            steps: Vec::new(),
            digest: String::new(),
        }
        .sealed()
    }

    #[test]
    fn a_plan_survives_both_formats() {
        let json = serde_json::to_string(&plan()).expect("json");
        assert_eq!(decode(&json).expect("a plan"), plan());
        let yaml = common::ui::to_yaml(&plan()).expect("yaml");
        assert_eq!(decode(&yaml).expect("a plan"), plan());
    }

    #[test]
    fn an_edited_plan_is_refused() {
        let json = serde_json::to_string(&plan()).expect("json").replace("3.69.2", "3.70.0");
        assert!(decode(&json).expect_err("a failure").to_string().contains("edited"));
    }

    #[test]
    fn what_is_no_plan_is_refused() {
        for text in ["", "a: [", "schema: 99", "schema: 1\nfoo: 2", "just words"] {
            assert_eq!(decode(text).expect_err(text).exit(), Exit::Usage, "{text}");
        }
    }

    #[test]
    fn a_plan_of_another_cluster_or_namespace_is_stale() {
        let mut snapshot = Snapshot { namespace: "stackrox".to_owned(), ..Snapshot::default() };
        assert!(fits(&plan(), &snapshot).is_ok());
        snapshot.namespace = "rhacs".to_owned();
        assert_eq!(fits(&plan(), &snapshot).expect_err("stale").exit(), Exit::PlanStale);
        snapshot.namespace = "stackrox".to_owned();
        snapshot.cluster.id = "other".to_owned();
        assert_eq!(fits(&plan(), &snapshot).expect_err("stale").exit(), Exit::PlanStale);
    }
}
