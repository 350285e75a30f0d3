//! The rights that are asked for are those that a run makes use of.

use std::collections::BTreeSet;

use common::checks::permissions;
use common::plan::Plan;
use common::rhacs::{Component, Permission};
use rhacs_tests::Installation;

use crate::upgrade;

/// What a request does, as an authorizer sees it.
type Deed = (String, String, String);

/// What is used only when something goes wrong or takes long, or a run has many records; what the
/// look has listed is watched from there.
const RESERVE: [(&str, &str); 12] = [
    ("get", "leases"),
    ("patch", "leases"),
    ("list", "deployments"),
    ("list", "daemonsets"),
    ("list", "events"),
    ("list", "replicasets"),
    ("watch", "replicasets"),
    ("list", "pods"),
    ("watch", "pods"),
    ("list", "secrets"),
    ("get", "secrets"),
    ("delete", "secrets"),
];

/// The deed of a request; none for what every user may do.
fn deed(method: &str, path: &str, query: &str) -> Option<Deed> {
    let mut parts = path.trim_start_matches('/').split('/');
    let group = match parts.next()? {
        "api" => String::new(),
        "apis" => parts.next()?.to_owned(),
        _ => return None,
    };
    parts.next()?;
    let mut rest: Vec<&str> = parts.collect();
    if rest.first() == Some(&"namespaces") && rest.len() > 2 {
        rest.drain(..2);
    }
    let (resource, name, sub) = match rest.as_slice() {
        [resource] => (*resource, None, None),
        [resource, name] => (*resource, Some(*name), None),
        [resource, name, sub, ..] => (*resource, Some(*name), Some(*sub)),
        [] => return None,
    };
    if group.starts_with("authorization.") || group.starts_with("authentication.") {
        return None;
    }
    let verb = match (method, name) {
        ("GET", None) if query.contains("watch=true") || query.contains("watch=1") => "watch",
        ("GET", None) => "list",
        ("GET", Some(_)) => "get",
        ("POST", _) => "create",
        ("PUT", _) => "update",
        ("PATCH", _) => "patch",
        ("DELETE", _) => "delete",
        _ => return None,
    };
    let resource = match sub {
        Some(sub) => format!("{resource}/{sub}"),
        None => resource.to_owned(),
    };
    Some((verb.to_owned(), group, resource))
}

fn of(permission: &Permission) -> Deed {
    (permission.verb.clone(), permission.group.clone(), permission.resource.clone())
}

fn is_for_the_way_back(permission: &Permission) -> bool {
    ["put it back", "take it back", "keep the way back"]
        .iter()
        .any(|purpose| permission.purpose.starts_with(purpose))
}

#[test]
fn each_request_of_a_run_was_asked_for_and_each_right_is_used() {
    for (from, to, openshift) in [("3.62.1", "3.69.2", true), ("3.69.2", "3.74.9", false)] {
        let builder = Installation::at(from);
        let builder = if openshift { builder.on_openshift() } else { builder };
        let installation = builder.start();
        installation.simulation().central().set_auto_upgrade(false);
        let plan = upgrade(&installation, &format!("plan --to {to} -o json")).ends_with(0).json();
        let plan: Plan = serde_json::from_value(plan).expect("a plan");
        let asked = permissions(&plan);
        let before = installation.simulation().requests().len();
        upgrade(&installation, &format!("--to {to} --yes")).ends_with(0);
        let requests = installation.simulation().requests();
        let own = requests[before..]
            .iter()
            .filter(|request| request.user_agent.starts_with("kubectl-rhacs"))
            .collect::<Vec<_>>();
        let lock = own.iter().position(|it| it.method == "POST" && it.path.contains("/leases"));
        let run = &own[lock.expect("the lock is taken")..];
        let done: BTreeSet<Deed> =
            run.iter().filter_map(|it| deed(&it.method, &it.path, &it.query)).collect();
        let known: BTreeSet<Deed> = asked.iter().map(of).collect();
        let unasked: Vec<&Deed> = done
            .difference(&known)
            // Events are best effort; Central is reached before a run as well.
            .filter(|(_, _, resource)| resource != "events" && resource != "pods/portforward")
            .collect();
        assert!(unasked.is_empty(), "{from} → {to}: not asked for: {unasked:?}");
        let unused: Vec<String> = asked
            .iter()
            .filter(|it| !is_for_the_way_back(it) && !done.contains(&of(it)))
            // What is known is not looked at again, and what is there is not created.
            .filter(|it| !matches!(it.purpose.split(" (").next(), Some("look at it" | "apply it")))
            .filter(|it| !RESERVE.contains(&(it.verb.as_str(), it.resource.as_str())))
            .map(|it| format!("{} {} to {}", it.verb, it.resource, it.purpose))
            .collect();
        assert!(unused.is_empty(), "{from} → {to}: asked for in vain: {unused:?}");
    }
}

#[test]
fn a_plan_without_central_or_rollouts_asks_for_no_more_than_it_uses() {
    let installation = Installation::at("3.66.1").start();
    let words = "plan --to 3.69.2 --components central -o json";
    let plan = upgrade(&installation, words).ends_with(0).json();
    let plan: Plan = serde_json::from_value(plan).expect("a plan");
    assert_eq!(plan.components, [Component::Central]);
    let resources: BTreeSet<String> =
        permissions(&plan).into_iter().map(|it| it.resource).collect();
    assert!(resources.contains("deployments") && resources.contains("pods/log"));
    assert!(!resources.contains("daemonsets"), "{resources:?}");
}
