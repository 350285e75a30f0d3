//! What Central's own upgrader has done is not taken back by anybody else.

use rhacs_tests::Installation;

use crate::{ACCEPT, ALL, rollback, upgraded};

const CODE: &str = "RHACS-ROLLBACK-BY-UPGRADER";

fn upgraded_by_central() -> Installation {
    let installation = Installation::at("3.66.1").start();
    installation.simulation().central().set_auto_upgrade(true);
    upgraded(&installation, "--to 3.69.2 --yes");
    assert!(installation.image("Deployment", "sensor", "sensor").ends_with(":3.69.2"));
    installation
}

#[test]
fn it_is_said_before_and_not_waited_for() {
    let installation = upgraded_by_central();
    let words = format!("{ALL} {ACCEPT} --yes");
    let refused = rollback(&installation, &words).ends_with(3).says(CODE);
    let refused = refused.says("turn automatic upgrade off").says("sensor get-bundle");
    assert!(!refused.stderr.contains("kubectl rhacs rollback --components secured"));
    rollback(&installation, &format!("{words} --accept {CODE}")).ends_with(0);
    assert!(installation.image("Deployment", "central", "central").ends_with(":3.66.1"));
    assert!(installation.image("Deployment", "scanner", "scanner").ends_with(":2.20.0"));
    assert!(installation.image("Deployment", "sensor", "sensor").ends_with(":3.69.2"));
}

#[test]
fn alone_it_is_no_way_back() {
    let installation = upgraded_by_central();
    rollback(&installation, "--components secured --yes")
        .ends_with(7)
        .says("Central's own upgrader")
        .says("turn automatic upgrade off");
}

#[test]
fn central_alone_goes_back_and_the_way_for_the_rest_is_told() {
    let installation = upgraded_by_central();
    rollback(&installation, &format!("{ACCEPT} --yes"))
        .ends_with(0)
        .says("RHACS-ROLLBACK-SENSOR-HIGHER")
        .says("sensor get-bundle");
}
