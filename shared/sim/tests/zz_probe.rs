use serde_json::Value;
#[tokio::test]
async fn probe() {
    let name = std::env::var("PROBE").unwrap();
    let text = std::fs::read_to_string(format!("/work/shared/manifests/{name}.yaml")).unwrap();
    let documents: Vec<Value> = serde_saphyr::from_multiple(&text).unwrap();
    let objects = documents.into_iter().filter(Value::is_object).collect();
    let plan = sim::world::Plan { objects, openshift: name.contains("openshift"), wait: false, ..Default::default() };
    let t = std::time::Instant::now();
    let world = sim::world::World::start(plan).await.unwrap();
    eprintln!("started {:?} version {}", t.elapsed(), world.store.version());
    tokio::time::sleep(std::time::Duration::from_secs(4)).await;
    eprintln!("version {}", world.store.version());
    for set in world.store.list("replicasets.apps", None) { eprintln!("{} {}", set["metadata"]["name"], set["status"]); }
    for pod in world.store.list("pods", None) { eprintln!("{} {} {}", pod["metadata"]["name"], pod["status"]["phase"], pod["status"]["containerStatuses"]); }
    for e in world.store.list("events", None) { if e["type"]=="Warning" {eprintln!("{} {} {}", e["involvedObject"]["name"], e["reason"], e["message"]);} }
}
