use super::*;
use crate::rhacs::scc::{built_in_constraints, built_in_roles};
use crate::rhacs::{Platform, Version, official};

/// An OpenShift with an installation of a release on it.
fn openshift(version: &str) -> Vec<Value> {
    let version: Version = version.parse().unwrap();
    let mut objects = official::objects(&version, Platform::OpenShift, "stackrox");
    objects.extend(built_in_constraints());
    let (roles, binding) = built_in_roles();
    objects.extend(roles);
    objects.push(binding);
    objects
}

/// Which SCC admits the pods of each workload.
fn admitted(objects: &[Value]) -> Vec<(String, String)> {
    let admission = Admission::new(objects);
    let workloads = objects
        .iter()
        .filter(|object| object["kind"] == "Deployment" || object["kind"] == "DaemonSet");
    let mut all: Vec<(String, String)> = workloads
        .map(|workload| {
            let verdict = match admission.admit(&pod_of(workload)) {
                Ok(admitted) => admitted.constraint,
                Err(refused) => refused.reason(),
            };
            (name(workload).to_owned(), verdict)
        })
        .collect();
    all.sort();
    all
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect()
}

#[test]
fn each_release_has_its_pods_admitted_by_its_own_constraints() {
    let bare = [
        ("admission-control", "admission-control"),
        ("central", "central"),
        ("collector", "collector"),
        ("scanner", "scanner"),
        ("scanner-db", "scanner"),
        // Up to 3.72 its Role `edit` allows every verb on everything, so `use` of the SCC that is
        // tried first, too.
        ("sensor", "anyuid"),
    ];
    assert_eq!(admitted(&openshift("3.63.0")), pairs(&bare));
    let named = bare.map(|(workload, scc)| match scc {
        "anyuid" => (workload, scc.to_owned()),
        _ => (workload, format!("stackrox-{scc}")),
    });
    let named: Vec<(&str, &str)> = named.iter().map(|(a, b)| (*a, b.as_str())).collect();
    assert_eq!(admitted(&openshift("3.69.2")), pairs(&named));
    // Without that Role and without a user of its own, the most restrictive one that fits it.
    let sensor = ("sensor".to_owned(), "restricted-v2".to_owned());
    let admitted = admitted(&openshift("4.3.8"));
    assert!(admitted.contains(&sensor), "{admitted:?}");
}

#[test]
fn since_4_4_the_constraints_of_openshift_admit_the_pods() {
    let expected = [
        ("admission-control", "restricted-v2"),
        ("central", "nonroot-v2"),
        ("central-db", "nonroot-v2"),
        ("collector", "privileged"),
        ("scanner", "nonroot-v2"),
        ("scanner-db", "nonroot-v2"),
        ("sensor", "restricted-v2"),
    ];
    assert_eq!(admitted(&openshift("4.4.0")), pairs(&expected));
    let newest = admitted(&openshift("4.11.1"));
    for pair in pairs(&expected) {
        assert!(newest.contains(&pair), "{pair:?} is not among {newest:?}");
    }
}

#[test]
fn what_a_constraint_decides_is_set_in_the_pod() {
    let objects = openshift("4.4.0");
    let admission = Admission::new(&objects);
    let sensor = objects.iter().find(|it| it["kind"] == "Deployment" && name(it) == "sensor");
    let pod = admission.admit(&pod_of(sensor.unwrap())).unwrap().pod;
    assert_eq!(admitted_by(&pod), Some("restricted-v2"));
    let context = &pod["spec"]["securityContext"];
    assert_eq!(context["fsGroup"], 1_000_000_000);
    assert_eq!(context["seLinuxOptions"]["level"], Ranges::default().level);
    assert_eq!(context["seccompProfile"]["type"], "RuntimeDefault");
    let container = &pod["spec"]["containers"][0]["securityContext"];
    assert_eq!(container["runAsUser"], 1_000_000_000);
    assert_eq!(container["allowPrivilegeEscalation"], false);
    assert_eq!(container["capabilities"]["drop"], json!(["ALL"]));
}

#[test]
fn a_required_constraint_is_the_only_one_that_is_tried() {
    let objects = openshift("4.4.0");
    let admission = Admission::new(&objects);
    let pod = |required: &str| {
        json!({"metadata": {"namespace": "stackrox", "annotations": {REQUIRED: required}},
            "spec": {"serviceAccountName": "sensor", "containers": [{"name": "a"}]}})
    };
    assert_eq!(admission.admit(&pod("restricted-v2")).unwrap().constraint, "restricted-v2");
    let refused = admission.admit(&pod("privileged")).unwrap_err();
    assert_eq!(refused.reason(), "its service account may not use privileged");
    let missing = admission.admit(&pod("gone")).unwrap_err();
    assert_eq!(missing.to_string(), "required scc/gone not found");
}

#[test]
fn a_refusal_is_worded_as_openshift_words_it() {
    let objects = openshift("4.4.0");
    let admission = Admission::new(&objects);
    let pod = json!({"metadata": {"namespace": "other"}, "spec": {
        "securityContext": {"runAsUser": 4000, "fsGroup": 4000}, "hostNetwork": true,
        "volumes": [{"name": "root", "hostPath": {"path": "/"}}],
        "containers": [{"name": "a", "ports": [{"containerPort": 80, "hostPort": 80}],
            "securityContext": {"privileged": true, "capabilities": {"add": ["SYS_ADMIN"]}}}]}});
    let text = admission.admit(&pod).unwrap_err().to_string();
    for part in [
        "unable to validate against any security context constraint: [provider \"anyuid\": Forbidden: not usable by user or serviceaccount, ",
        "provider restricted-v2: .spec.securityContext.hostNetwork: Invalid value: true: Host network is not allowed to be used",
        "provider restricted-v2: .spec.securityContext.fsGroup: Invalid value: []int64{4000}: 4000 is not an allowed group",
        "provider restricted-v2: .spec.volumes[0]: Invalid value: \"hostPath\": hostPath volumes are not allowed to be used",
        "provider restricted-v2: .containers[0].runAsUser: Invalid value: 4000: must be in the ranges: [1000000000, 1000009999]",
        "provider restricted-v2: .containers[0].privileged: Invalid value: true: Privileged containers are not allowed",
        "provider restricted-v2: .containers[0].capabilities.add: Invalid value: \"SYS_ADMIN\": capability may not be added",
        "provider restricted-v2: .containers[0].containers.ports: Host ports are not allowed to be used",
    ] {
        assert!(text.contains(part), "{part}\nis not in\n{text}");
    }
}

#[test]
fn the_token_of_a_pod_is_mounted_where_secrets_may_be() {
    let scc = json!({"kind": KIND, "metadata": {"name": "own"}, "volumes": ["secret"],
        "allowHostDirVolumePlugin": false, "groups": ["system:authenticated"],
        "runAsUser": {"type": "RunAsAny"}, "seLinuxContext": {"type": "RunAsAny"}});
    let objects = [scc];
    let pod = |source: &Value| {
        json!({"metadata": {"namespace": "n"}, "spec": {"containers": [],
            "volumes": [{"name": "kube-api-access", "projected": {"sources": [source]}}]}})
    };
    let admission = Admission::new(&objects);
    let token = pod(&json!({"serviceAccountToken": {"path": "token"}}));
    assert_eq!(admission.admit(&token).unwrap().constraint, "own");
    let other = pod(&json!({"configMap": {"name": "mine"}}));
    assert!(admission.admit(&other).unwrap_err().reason().contains("projected volumes"));
}

#[test]
fn users_must_be_what_the_strategy_says() {
    let of = |strategy: Value, context: Value| {
        let scc = json!({"kind": KIND, "metadata": {"name": "own"}, "runAsUser": strategy,
            "groups": ["system:authenticated"], "seLinuxContext": {"type": "RunAsAny"}});
        let objects = [scc];
        let pod = json!({"metadata": {"namespace": "n"}, "spec": {
            "containers": [{"name": "a", "securityContext": context}]}});
        Admission::new(&objects)
            .admit(&pod)
            .map(|it| it.pod["spec"]["containers"][0]["securityContext"].clone())
    };
    let fixed = json!({"type": "MustRunAs", "uid": 4000});
    assert_eq!(of(fixed.clone(), json!({})).unwrap()["runAsUser"], 4000);
    let refused = of(fixed, json!({"runAsUser": 1})).unwrap_err();
    assert!(refused.reason().ends_with("must be: 4000"), "{}", refused.reason());
    let nonroot = json!({"type": "MustRunAsNonRoot"});
    assert_eq!(of(nonroot.clone(), json!({})).unwrap()["runAsNonRoot"], true);
    assert!(of(nonroot.clone(), json!({"runAsUser": 0})).is_err());
    assert!(of(nonroot, json!({"runAsNonRoot": false, "runAsUser": 5})).is_err());
    let any = json!({"type": "RunAsAny"});
    assert!(of(any, json!({"runAsUser": 0})).is_ok());
}
