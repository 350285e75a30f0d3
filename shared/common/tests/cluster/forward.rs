//! What a port-forward takes, and what is told when it is refused.

use std::time::Duration;

use common::cluster::{ClusterError, ServerVersion, port_forward_rights};
use serde_json::{Value, json};

use crate::server::{Answer, Server};
use crate::support::connect;

#[test]
fn newer_servers_want_two_rights() {
    for (version, verbs) in [
        ("v1.27.3+k3s1", &["get"][..]),
        ("v1.34.9", &["get"]),
        ("v1.35.0-rc.1", &["get", "create"]),
        ("v1.37.2", &["get", "create"]),
        ("", &["get"]),
    ] {
        let rights = port_forward_rights(&ServerVersion::named(version), "stackrox");
        let told: Vec<&str> = rights.iter().map(|right| right.verb.as_str()).collect();
        assert_eq!(told, verbs, "{version}");
    }
}

/// Is asked for a port-forward by somebody who may do only `allowed` of it.
async fn refused(minor: &'static str, allowed: &'static [&'static str]) -> ClusterError {
    let server = Server::start(None, move |seen| match seen.path() {
        "/version" => Answer::json(
            200,
            &json!({"major": "1", "minor": minor, "gitVersion": format!("v1.{minor}.0")}),
        ),
        "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews" => {
            let review: Value = serde_json::from_slice(&seen.body).unwrap();
            let attributes = &review["spec"]["resourceAttributes"];
            assert_eq!(
                (&attributes["resource"], &attributes["subresource"]),
                (&json!("pods"), &json!("portforward"))
            );
            let verb = attributes["verb"].as_str().unwrap();
            Answer::json(201, &json!({"status": {"allowed": allowed.contains(&verb)}}))
        }
        _ => Answer::new(403).data("Forbidden"),
    })
    .await;
    let (cluster, _) = connect(&server, Duration::from_secs(5)).await;
    cluster.port_forward("stackrox", "central-1", 8443).await.unwrap_err()
}

#[tokio::test]
async fn the_missing_verb_is_named() {
    for (minor, allowed, verb) in
        [("34", &[][..], "get"), ("37", &["get"], "create"), ("37", &["create"], "get")]
    {
        let error = refused(minor, allowed).await;
        assert!(matches!(error, ClusterError::Forbidden { .. }), "{error:?}");
        let text = error.into_failure("x").render();
        let command =
            format!("`kubectl auth can-i {verb} pods/central-1 --subresource=portforward");
        assert!(text.contains(&command), "{text}");
    }
    let all = refused("37", &["get", "create"]).await.to_string();
    assert!(all.contains("it takes get and create on pods/portforward"), "{all}");
}
