//! Central behind the API server of the embedded cluster: the port-forward, end to end.

use common::central::{BackupRequest, CentralClient, CentralOptions, Credentials};
use common::cluster::{Cluster, ConnectionArgs, Lease, LeaseError, Options, Records, decoded};
use common::rhacs::{ObjectRef, Platform, Version, official};
use sim::clock::Clock;
use sim::simulation::Simulation;

async fn installation(version: &Version) -> (Simulation, Cluster) {
    let objects = official::objects(version, Platform::Kubernetes, "stackrox");
    let builder = Simulation::builder().objects(objects).clock(Clock::scaled(2000.0));
    let simulation = builder.start().await.unwrap();
    let kubeconfig = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(kubeconfig.path(), simulation.kubeconfig()).unwrap();
    let args =
        ConnectionArgs { kubeconfig: Some(kubeconfig.path().into()), ..ConnectionArgs::default() };
    let cluster = Cluster::connect(&args, &Options::default()).await.unwrap();
    (simulation, cluster)
}

#[tokio::test]
async fn central_is_reached_and_backed_up_through_the_api_server() {
    let version: Version = "3.0.62.1".parse().unwrap();
    let (simulation, cluster) = installation(&version).await;
    let secret = ObjectRef::namespaced("v1", "Secret", "stackrox", "central-tls");
    let secret = cluster.read(&secret).await.unwrap().unwrap();
    let ca = decoded(&secret, "ca.pem").unwrap();
    let options = CentralOptions {
        credentials: Some(Credentials::Token(simulation.admin_token())),
        ..CentralOptions::default()
    };
    let central = CentralClient::new(&options, &cluster, Some(&ca), &Options::default()).unwrap();
    assert_eq!(central.metadata().await.unwrap().version.as_ref(), Some(&version));
    assert!(!central.clusters().await.unwrap().is_empty());
    assert!(!central.scanner_bundle(Platform::Kubernetes).await.unwrap().is_empty());
    let directory = tempfile::tempdir().unwrap();
    let request = BackupRequest::new(directory.path(), Some(version.clone()));
    let backup = central.backup(&request, &mut |_| ()).await.unwrap();
    assert_eq!(backup.version, Some(version));
    assert_eq!(std::fs::metadata(&backup.path).unwrap().len(), backup.size);
}

#[tokio::test]
async fn the_lock_and_the_records_live_in_the_cluster() {
    let (_simulation, cluster) = installation(&"3.69.2".parse().unwrap()).await;
    let held = Lease::acquire(&cluster, "eve@laptop").await.unwrap();
    let refused = Lease::acquire(&cluster, "bob@desk").await;
    assert!(matches!(refused, Err(LeaseError::Locked(_))), "{refused:?}");
    held.release().await.unwrap();
    assert_eq!(Lease::current(&cluster).await.unwrap(), None);

    let records = Records::new(&cluster);
    let large = vec![7; 2_000_000];
    let version = records.save("a", &Default::default(), &large, None).await.unwrap();
    records.save("a", &Default::default(), b"small", Some(&version)).await.unwrap();
    assert_eq!(records.load("a").await.unwrap().unwrap().bytes, b"small");
    records.delete("a").await.unwrap();
    assert!(records.list().await.unwrap().is_empty());
}
