use std::io::{Cursor, Read};

use serde_json::json;
use sim::central::{CentralOptions, SecuredCluster};
use sim::simulation::Simulation;

use crate::client::{ADMIN, Answer, ask, builder, installation, simulation};

const KUBERNETES: &str = r#"{"clusterType": "KUBERNETES_CLUSTER"}"#;

async fn get(simulation: &Simulation, path: &str, authorization: Option<&str>) -> Answer {
    ask(simulation, "GET", path, authorization, "").await.unwrap()
}

#[tokio::test]
async fn the_version_is_told_to_users_only() {
    let old = simulation("3.69.2").await;
    assert_eq!(get(&old, "/v1/ping", None).await.json(), json!({"status": "ok"}));
    assert_eq!(get(&old, "/v1/metadata", None).await.json()["version"], "");
    assert_eq!(get(&old, "/v1/metadata", Some(ADMIN)).await.json()["version"], "3.69.2");
}

#[tokio::test]
async fn credentials_decide_what_is_answered() {
    let simulation = simulation("3.69.2").await;
    for (path, authorization, expected) in [
        ("/v1/auth/status", None, 401),
        ("/v1/auth/status", Some("Bearer nonsense"), 401),
        ("/v1/auth/status", Some("Bearer expired-token"), 401),
        ("/v1/auth/status", Some("Bearer revoked-token"), 401),
        ("/v1/auth/status", Some("Bearer analyst-token"), 200),
        ("/v1/auth/status", Some("Basic YWRtaW46bGV0bWVpbg=="), 200),
        ("/v1/auth/status", Some("Basic YWRtaW46d3Jvbmc="), 401),
        ("/v1/clusters", Some("Bearer analyst-token"), 200),
        ("/api/extensions/backup", Some("Bearer analyst-token"), 403),
        ("/v1/centralhealth/upgradestatus", Some("Bearer analyst-token"), 403),
        ("/v1/centralhealth/upgradestatus", Some(ADMIN), 200),
        ("/v1/nothing", Some(ADMIN), 404),
        ("/v1/clusters", Some("Bearer nonsense"), 403),
    ] {
        let answer = get(&simulation, path, authorization).await;
        assert_eq!(answer.status, expected, "{path} with {authorization:?}");
        if expected >= 400 && answer.headers["content-type"] == "application/json" {
            let body = answer.json();
            assert_eq!(body["error"], body["message"]);
            assert!(body["code"].as_i64().unwrap() > 0 && body["details"].is_array());
        }
    }
    let permissions =
        get(&simulation, "/v1/mypermissions", Some("Bearer analyst-token")).await.json();
    assert_eq!(permissions["resourceToAccess"]["Cluster"], "READ_ACCESS");
}

#[tokio::test]
async fn the_cluster_reports_its_sensor() {
    let simulation = simulation("3.69.2").await;
    let clusters = get(&simulation, "/v1/clusters", Some(ADMIN)).await.json();
    let cluster = &clusters["clusters"][0];
    assert_eq!(cluster["status"]["sensorVersion"], "3.69.2");
    assert_eq!(cluster["status"]["upgradeStatus"]["upgradability"], "UP_TO_DATE");
    assert_eq!(cluster["healthStatus"]["sensorHealthStatus"], "HEALTHY");
    assert_eq!(cluster["healthStatus"]["collectorHealthStatus"], "HEALTHY");
}

#[tokio::test]
async fn a_token_can_be_found_and_revoked() {
    let simulation = simulation("3.69.2").await;
    let made = ask(
        &simulation,
        "POST",
        "/v1/apitokens/generate",
        Some(ADMIN),
        r#"{"name":"ci","roles":["Admin"]}"#,
    )
    .await
    .unwrap()
    .json();
    let bearer = format!("Bearer {}", made["token"].as_str().unwrap());
    let id = made["metadata"]["id"].as_str().unwrap();
    assert_eq!(get(&simulation, "/v1/auth/status", Some(&bearer)).await.status, 200);
    let listed = get(&simulation, "/v1/apitokens?revoked=false", Some(ADMIN)).await.json();
    assert!(listed["tokens"].as_array().unwrap().iter().any(|token| token["id"] == id));
    let path = format!("/v1/apitokens/revoke/{id}");
    assert_eq!(ask(&simulation, "PATCH", &path, Some(&bearer), "{}").await.unwrap().status, 200);
    assert_eq!(get(&simulation, "/v1/auth/status", Some(&bearer)).await.status, 401);
    assert_eq!(simulation.central().is_revoked(id), Some(true));
}

#[tokio::test]
async fn a_backup_is_a_zip_with_keys_and_the_version() {
    let options = CentralOptions { backup_bytes: 3_000_000, ..CentralOptions::default() };
    let simulation = Simulation::builder()
        .objects(installation("3.69.2"))
        .central(options)
        .start()
        .await
        .unwrap();
    let answer = get(&simulation, "/api/extensions/backup", Some(ADMIN)).await;
    assert_eq!(answer.headers["content-type"], "application/zip");
    let disposition = answer.headers["content-disposition"].to_str().unwrap();
    assert!(disposition.starts_with("attachment; filename=\"stackrox_db_"), "{disposition}");
    let mut zip = zip::ZipArchive::new(Cursor::new(answer.body.to_vec())).unwrap();
    let mut names: Vec<String> = zip.file_names().map(|name| name.unwrap().into_owned()).collect();
    names.sort();
    assert_eq!(
        names,
        [
            "bolt.db",
            "keys/ca-key.pem",
            "keys/ca.pem",
            "keys/jwt-key.pem",
            "migration_version.yaml",
            "rocks.db"
        ]
    );
    let mut manifest = String::new();
    zip.by_name("migration_version.yaml").unwrap().read_to_string(&mut manifest).unwrap();
    assert!(manifest.starts_with("image: 3.69.2\ndatabase: 94\nlastpersisted: "), "{manifest}");
    for index in 0..zip.len() {
        let mut entry = zip.by_index(index).unwrap();
        std::io::copy(&mut entry, &mut std::io::sink()).unwrap();
    }
    // Only PostgreSQL knows of its last backup.
    assert_eq!(get(&simulation, "/v1/backup/status", Some(ADMIN)).await.status, 404);
}

#[tokio::test]
async fn the_scanner_bundle_has_what_an_upgrade_applies() {
    let simulation = simulation("3.69.2").await;
    let answer = ask(&simulation, "POST", "/api/extensions/scanner/zip", Some(ADMIN), KUBERNETES)
        .await
        .unwrap();
    let mut zip = zip::ZipArchive::new(Cursor::new(answer.body.to_vec())).unwrap();
    let mut text = String::new();
    let secrets = "scanner/02-scanner-03-tls-secret.yaml";
    zip.by_name(secrets).unwrap().read_to_string(&mut text).unwrap();
    let objects: Vec<serde_json::Value> = serde_saphyr::from_multiple(&text).unwrap();
    let names: Vec<&str> =
        objects.iter().map(|object| object["metadata"]["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["scanner-tls", "scanner-db-tls"]);
    assert!(zip.by_name("scanner/02-scanner-04-scanner-config.yaml").is_ok());
}

#[tokio::test]
async fn roxctl_is_offered_under_the_names_of_the_release() {
    let simulation = simulation("3.69.2").await;
    for (name, expected) in
        [("roxctl-linux", 200), ("roxctl-linux-amd64", 404), ("roxctl-darwin", 200)]
    {
        let path = format!("/api/cli/download/{name}");
        assert_eq!(get(&simulation, &path, Some(ADMIN)).await.status, expected, "{name}");
    }
}

#[tokio::test]
async fn clusters_elsewhere_are_listed_with_their_own_version() {
    let old = "3.66.1".parse().unwrap();
    let options = CentralOptions {
        clusters: vec![SecuredCluster::elsewhere("edge", &old)],
        ..CentralOptions::default()
    };
    let simulation = builder("3.69.2").central(options).start().await.unwrap();
    let clusters = get(&simulation, "/v1/clusters", Some(ADMIN)).await.json();
    assert_eq!(clusters["clusters"][1]["name"], "edge");
    assert_eq!(clusters["clusters"][1]["status"]["sensorVersion"], "3.66.1");
    assert_eq!(
        clusters["clusters"][1]["status"]["upgradeStatus"]["upgradability"],
        "AUTO_UPGRADE_POSSIBLE"
    );
}

#[tokio::test]
async fn what_comes_by_grpc_is_refused_at_once_and_in_words() {
    let simulation = simulation("3.74.9").await;
    let stream = tokio::net::TcpStream::connect(simulation.central_address()).await.unwrap();
    let request = http::Request::builder()
        .method("POST")
        .uri("/v1.AuthService/GetAuthStatus")
        .header("host", "central.stackrox")
        .header("content-type", "application/grpc")
        .header("authorization", ADMIN)
        .body(http_body_util::Full::new(hyper::body::Bytes::from_static(&[0; 5])))
        .unwrap();
    let answer = crate::client::send(&simulation, stream, request).await.unwrap();
    assert_eq!(answer.status, 200, "the status of gRPC is in its own header");
    assert_eq!(answer.headers["content-type"], "application/grpc");
    // Unimplemented: nothing that a client tries again.
    assert_eq!(answer.headers["grpc-status"], "12");
    let message = answer.headers["grpc-message"].to_str().unwrap();
    assert!(message.contains("answers HTTP only"), "{message}");
}
