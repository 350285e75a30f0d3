//! Input that nothing can be done with.

use rhacs_tests::Installation;

use crate::scc;

#[test]
fn without_openshift_there_is_one_clear_sentence() {
    let installation = Installation::at("3.69.2").start();
    for words in ["", "status", "plan --for 4.4.0", "apply --for 4.4.0 --yes", "restore x --yes"] {
        let said = scc(&installation, words).ends_with(7);
        assert_eq!(
            said.stderr.trim(),
            "error: this cluster is no OpenShift: it has no SecurityContextConstraints to look after"
        );
    }
}

#[test]
fn a_release_has_to_be_named_and_known() {
    let installation = Installation::at("4.3.8").on_openshift().start();
    scc(&installation, "plan").ends_with(2).says("--for");
    scc(&installation, "plan --for 9.9.9").ends_with(2).says("9.9.9");
    scc(&installation, "plan --for 3.62.1").ends_with(7).says("restore");
    scc(&installation, "export --for 9.9.9").ends_with(2);
    scc(&installation, "plan --for 4.4.0 --accept NOTHING").ends_with(2).says("NOTHING");
}

#[test]
fn nothing_is_done_without_consent() {
    let installation = Installation::at("4.3.8").on_openshift().start();
    let before = installation.essences();
    scc(&installation, "apply --for 4.4.0 --prune").ends_with(2).says("--yes");
    scc(&installation, "apply --for 4.4.0 --prune --dry-run").ends_with(0);
    scc(&installation, "apply --for 4.4.0 --prune --dry-run=server").ends_with(0);
    assert_eq!(installation.essences(), before);
}

#[test]
fn a_helm_installation_is_left_to_helm() {
    let by_helm = |objects: &mut Vec<serde_json::Value>| {
        objects.push(serde_json::json!({
            "apiVersion": "v1", "kind": "Secret", "type": "helm.sh/release.v1",
            "metadata": {"name": "sh.helm.release.v1.stackrox-central-services.v1",
                "namespace": "stackrox", "labels": {"status": "deployed"}},
        }));
    };
    let installation = Installation::at("4.3.8").on_openshift().but(by_helm).start();
    scc(&installation, "plan --for 4.4.0").ends_with(7).says("Helm");
    scc(&installation, "status").ends_with(0);
}
