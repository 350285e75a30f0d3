//! `export`: a release's own documents about SCCs, for `kubectl apply`.

use common::exit::Exit;
use common::failure::Failure;
use common::rhacs::hops::is_known_line;
use common::rhacs::scc::{KIND, component_of_account, service_accounts};
use common::rhacs::{Component, ObjectRef, Platform, Version, official};
use common::ui::{Output, Ui, to_yaml};
use serde_json::{Value, json};

use crate::cli::{Cli, Verb};
use crate::planner::Refusal;

/// Prints the documents: YAML, each with `---` before it; with `-o json` one List.
///
/// # Errors
/// When no release was named, or none that is known.
pub fn run(cli: &Cli, ui: &Ui) -> Result<Exit, Failure> {
    let release = cli.release()?;
    if !is_known_line(release) {
        return Err(Refusal::UnknownRelease { release: release.clone() }.into_failure());
    }
    let on_host = matches!(cli.verb, Some(Verb::Export { host_path: true }));
    let namespace = cli.connection.namespace();
    let documents = documents(release, namespace, &cli.target.components, on_host);
    let text = match ui.output() {
        Output::Json => {
            let list = json!({"apiVersion": "v1", "kind": "List", "items": documents});
            common::ui::to_json(&list)?
        }
        Output::Name => documents
            .iter()
            .filter_map(ObjectRef::of)
            .map(|object| format!("{}\n", object.qualified()))
            .collect(),
        _ => {
            let texts = documents.iter().map(|document| Ok(format!("---\n{}", to_yaml(document)?)));
            texts.collect::<Result<String, Failure>>()?
        }
    };
    ui.data(&text)?;
    Ok(Exit::Done)
}

/// The SCCs of a release, and the Roles and bindings through which it uses others, for these
/// components; for all when there are none.
#[must_use]
pub fn documents(
    release: &Version,
    namespace: &str,
    components: &[Component],
    on_host: bool,
) -> Vec<Value> {
    let all = official::objects(release, Platform::OpenShift, namespace);
    let bindings: Vec<&Value> =
        all.iter().filter(|object| object["kind"] == "RoleBinding").collect();
    let wanted = |object: &&Value| {
        component_of(object, namespace, &bindings)
            .is_some_and(|component| components.is_empty() || components.contains(&component))
    };
    let mut documents: Vec<Value> = all.iter().filter(wanted).cloned().collect();
    if on_host {
        documents.iter_mut().for_each(|document| allow_host_path(document, namespace));
    }
    documents
}

/// The part of the product a document is for; none when it is not about SCCs.
fn component_of(object: &Value, namespace: &str, bindings: &[&Value]) -> Option<Component> {
    let account = match object["kind"].as_str()? {
        KIND => service_accounts(object, namespace).first().copied(),
        "Role" if uses_constraints(object) => bindings
            .iter()
            .find(|binding| binding["roleRef"]["name"] == object["metadata"]["name"])
            .and_then(|binding| binding["subjects"][0]["name"].as_str()),
        "RoleBinding" if is_about_constraints(object) => object["subjects"][0]["name"].as_str(),
        _ => None,
    };
    account.map(component_of_account)
}

fn uses_constraints(role: &Value) -> bool {
    let resources = role["rules"][0]["resources"].as_array().into_iter().flatten();
    resources.into_iter().any(|resource| resource == "securitycontextconstraints")
}

fn is_about_constraints(binding: &Value) -> bool {
    let role = binding["roleRef"]["name"].as_str().unwrap_or_default();
    role.starts_with("use-") && role.ends_with("-scc")
}

/// What a Central or a database of it on a directory of its node needs besides.
fn allow_host_path(document: &mut Value, namespace: &str) {
    let is_centrals = document["metadata"]["name"]
        .as_str()
        .is_some_and(|name| matches!(name, "use-central-scc" | "use-central-db-scc"));
    if is_centrals && document["kind"] == "Role" {
        let names = document["rules"][0]["resourceNames"].as_array_mut();
        names.into_iter().for_each(|names| names.push(json!("hostmount-anyuid")));
    }
    let accounts = service_accounts(document, namespace);
    if document["kind"] == KIND && accounts.iter().any(|account| account.starts_with("central")) {
        document["allowHostDirVolumePlugin"] = json!(true);
    }
}
