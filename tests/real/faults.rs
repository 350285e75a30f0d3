//! An image that cannot be pulled, and the way on from there.

use std::time::{Duration, Instant};

use sim::faults::ClusterFault;

use crate::installation::Installation;
use crate::{ACCEPT, upgrade};

#[test]
fn a_broken_pull_is_told_in_seconds_and_resumed_when_the_image_is_there() {
    let Some(installation) = Installation::at("3.62.1") else { return };
    installation.faults().add(ClusterFault::broken_pull("*rhacs-main*:3.69.2"));
    let began = Instant::now();
    upgrade(&installation, &format!("--to 3.69.2 {ACCEPT}"))
        .ends_with(4)
        .says("ImagePullBackOff")
        .says("rhacs-main-rhel8:3.69.2");
    let took = began.elapsed();
    assert!(took < Duration::from_secs(30), "it took {took:?} to say so");
    let runs = upgrade(&installation, "history -o json").ends_with(0).json()["runs"].clone();
    assert_eq!(runs[0]["state"], "failed", "{runs:#}");
    installation.faults().clear();
    upgrade(&installation, "resume --yes").ends_with(0);
    assert!(installation.image("Deployment", "sensor", "sensor").ends_with(":3.69.2"));
}

#[test]
fn central_goes_back_when_asked_to() {
    let Some(installation) = Installation::at("3.62.1") else { return };
    installation.faults().add(ClusterFault::broken_pull("*rhacs-main*:3.69.2"));
    upgrade(&installation, &format!("--to 3.69.2 --rollback-on-failure {ACCEPT}"))
        .ends_with(4)
        .says("ImagePullBackOff");
    assert!(installation.image("Deployment", "central", "central").ends_with(":3.0.62.1"));
    installation.wait_until("Central is back", Installation::is_up);
}
