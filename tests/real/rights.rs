//! Users who may not do what an upgrade needs.

use serde_json::json;

use crate::installation::Installation;
use crate::{ACCEPT, upgrade};

#[test]
fn a_user_without_rights_is_told_which_are_missing() {
    let Some(mut installation) = Installation::of_objects("3.62.1") else { return };
    let before = installation.versions();
    let words = format!("--to 3.69.2 --as bob {ACCEPT}");
    let refused = upgrade(&installation, &words);
    assert!(matches!(refused.code, Some(1 | 3)), "{refused:?}");
    refused.says("bob").says("cannot list");

    let subject = json!({"kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": "bob"});
    let role = json!({"kind": "ClusterRole", "apiGroup": "rbac.authorization.k8s.io",
        "name": "rhacs-tests-reader"});
    let rules =
        json!([{"apiGroups": ["*"], "resources": ["*"], "verbs": ["get", "list", "watch"]}]);
    let version = "rbac.authorization.k8s.io/v1";
    let metadata = json!({"name": "rhacs-tests-reader"});
    installation.create(&json!({"apiVersion": version, "kind": "ClusterRole",
        "metadata": metadata, "rules": rules}));
    installation.create(&json!({"apiVersion": version, "kind": "ClusterRoleBinding",
        "metadata": metadata, "roleRef": role, "subjects": [subject]}));
    upgrade(&installation, &words).ends_with(3).says("patch").says("RHACS-");
    let mut after = installation.versions();
    after.retain(|name, _| !name.ends_with("/rhacs-tests-reader"));
    assert_eq!(after, before);
}
