//! Plans: shown, tried out on the server, refused when the cluster moved.

use common::rhacs::ObjectRef;
use serde_json::json;

use crate::installation::Installation;
use crate::{ACCEPT, upgrade};

#[test]
fn a_plan_and_a_dry_run_change_nothing() {
    let Some(installation) = Installation::of_objects("3.62.1") else { return };
    let before = installation.versions();
    upgrade(&installation, "plan --to 3.69.2 --exit-code").ends_with(10).says("deploy/central");
    let accept = "--to 3.69.2 --accept RHACS-CENTRAL-NOT-PERSISTENT";
    upgrade(&installation, &format!("{accept} --dry-run")).ends_with(0);
    let tried = upgrade(&installation, &format!("{accept} --dry-run=server"));
    tried.ends_with(0).says("would accept");
    assert_eq!(installation.versions(), before);
}

#[test]
fn a_plan_of_before_a_change_is_stale() {
    let Some(installation) = Installation::of_objects("3.62.1") else { return };
    let plan = upgrade(&installation, "plan --to 3.69.2 -o yaml").ends_with(0);
    std::fs::write(installation.directory().join("plan.yaml"), plan.stdout).expect("written");
    let sensor = ObjectRef::deployment(installation.namespace(), "sensor");
    let change = json!({"spec": {"template": {"spec": {"hostNetwork": true}}}});
    installation.change(&sensor, &change);
    upgrade(&installation, &format!("apply plan.yaml {ACCEPT}")).ends_with(9).says("deploy/sensor");
    assert!(!installation.image("Deployment", "central", "central").ends_with(":3.69.2"));
}
