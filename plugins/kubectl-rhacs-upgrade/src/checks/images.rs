//! Whether the new images can be pulled.

use std::collections::{BTreeMap, BTreeSet};

use common::plan::{Finding, Severity};
use common::rhacs::images::{Image, Naming};
use common::rhacs::rules::{component_of, own_containers, unknown_containers};
use common::rhacs::{ObjectRef, Workload};
use serde_json::Value;

use common::checks::Definition;
use common::checks::{Context, items, short};

const MIRROR: Definition = Definition {
    code: "RHACS-IMAGE-MIRROR",
    severity: Severity::Warn,
    meaning: "images come from a private registry",
    why: "the release's images have to be there before the upgrade starts",
    source: "upgrade guide 3.69, section 2.3.3; product pkg/images/defaults/flavor.go",
};
const NEW_REGISTRY: Definition = Definition {
    code: "RHACS-REGISTRY-NEW",
    severity: Severity::Warn,
    meaning: "images will come from a registry that none came from so far",
    why: "firewalls, proxies and pull secrets may not know it",
    source: "product change log 68.0; product pkg/images/defaults/flavor.go",
};
const UNKNOWN_CONTAINER: Definition = Definition {
    code: "RHACS-CONTAINER-UNKNOWN",
    severity: Severity::Warn,
    meaning: "a workload of the product has a container that is not the product's",
    why: "it is left as it is; only you know whether it fits the new release",
    source: "product pkg/images/defaults/flavor.go",
};
const NEVER_PULLED: Definition = Definition {
    code: "RHACS-IMAGE-PULL-NEVER",
    severity: Severity::Accept,
    meaning: "a container's images are never pulled",
    why: "the new image has to be on every node already, or the pod does not start",
    source: "Kubernetes documentation, images: image pull policy",
};
const PULL_SECRET: Definition = Definition {
    code: "RHACS-PULL-SECRET-MISSING",
    severity: Severity::Warn,
    meaning: "a pull secret that a workload names does not exist",
    why: "Kubernetes ignores it silently; the image is then pulled without credentials",
    source: "Kubernetes documentation, pull an image from a private registry",
};
const DIGEST: Definition = Definition {
    code: "RHACS-IMAGE-DIGEST",
    severity: Severity::Info,
    meaning: "an image that was pinned by digest will be named by its tag",
    why: "the digest of the new release is the registry's to tell",
    source: "Kubernetes documentation, images: image names",
};
const RHEL_VARIANT: Definition = Definition {
    code: "RHACS-IMAGE-RHEL-VARIANT",
    severity: Severity::Info,
    meaning: "the `-rhel` variants of images end",
    why: "from 3.69 on there is one image only, built on Red Hat's base image",
    source: "product release notes 3.69",
};

pub(super) const DEFINITIONS: &[Definition] =
    &[MIRROR, NEW_REGISTRY, UNKNOWN_CONTAINER, NEVER_PULLED, PULL_SECRET, DIGEST, RHEL_VARIANT];

/// A container whose image the plan changes.
struct Changed<'a> {
    workload: Workload<'a>,
    container: String,
    was: String,
    becomes: String,
}

pub(super) fn run(context: &Context<'_>) -> Vec<Finding> {
    let changed = changed(context);
    let mut findings = Vec::new();
    findings.extend(mirror(&changed));
    findings.extend(new_registry(context, &changed));
    findings.extend(unknown(context));
    findings.extend(changed.iter().filter_map(|one| never_pulled(context, one)));
    findings.extend(pull_secrets(context));
    findings.extend(named_by_tag(&changed));
    findings.extend(rhel_variants(context, &changed));
    findings
}

fn changed<'a>(context: &Context<'a>) -> Vec<Changed<'a>> {
    let mut all = Vec::new();
    for workload in context.snapshot.workloads() {
        let after = workload.reference().and_then(|object| context.after.find(&object));
        let Some(after) = after.map(Workload::new) else { continue };
        for container in workload.all_containers() {
            let after = match container.is_init() {
                true => after.init_container(container.name()),
                false => after.container(container.name()),
            };
            let Some(after) = after.filter(|after| after.image() != container.image()) else {
                continue;
            };
            all.push(Changed {
                workload,
                container: container.name().to_owned(),
                was: container.image().to_owned(),
                becomes: after.image().to_owned(),
            });
        }
    }
    all
}

fn mirror(changed: &[Changed<'_>]) -> Option<Finding> {
    let needed: BTreeSet<&str> = changed
        .iter()
        .filter(|one| Image::classify(&one.becomes).is_some_and(|image| !image.is_official()))
        .map(|one| one.becomes.as_str())
        .collect();
    if needed.is_empty() {
        return None;
    }
    let list: Vec<&str> = needed.into_iter().collect();
    let what = format!("these images must be in your registry: {}", list.join(", "));
    let fix = format!(
        "copy each from registry.redhat.io; `skopeo inspect docker://{}` shows whether it is there",
        list[0]
    );
    Some(MIRROR.found(what, fix))
}

fn new_registry(context: &Context<'_>, changed: &[Changed<'_>]) -> Vec<Finding> {
    let known: BTreeSet<&str> = context
        .workloads()
        .flat_map(|workload| workload.all_containers())
        .map(|container| host(container.image()))
        .collect();
    let mut new: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for one in changed {
        let host = host(&one.becomes);
        if !known.contains(host) {
            new.entry(host).or_default().insert(short(one.workload.object()));
        }
    }
    new.into_iter()
        .map(|(host, objects)| {
            let objects: Vec<String> = objects.into_iter().collect();
            let what = format!("images of {} will come from `{host}`", objects.join(", "));
            let fix = format!(
                "let `{host}` through firewalls and proxies, and have its credentials: `{}`",
                context.kubectl(
                    "create secret docker-registry NAME --from-file=.dockerconfigjson=FILE"
                )
            );
            NEW_REGISTRY.found(what, fix)
        })
        .collect()
}

fn unknown(context: &Context<'_>) -> Vec<Finding> {
    unknown_containers(context.snapshot)
        .into_iter()
        .filter(|(_, container, _)| !SIDECARS.contains(&container.as_str()))
        // What `--image` named is touched; the product's own that are not are another finding.
        .filter(|(object, container, _)| !is_judged_elsewhere(context, object, container))
        .map(|(object, container, image)| {
            let what =
                format!("{object}: container `{container}` with image {image} is not touched");
            UNKNOWN_CONTAINER
                .found(what, "if it is the product's under another name: `--image NAME=REF`")
        })
        .collect()
}

/// Containers that service meshes and the like add to any pod.
const SIDECARS: [&str; 10] = [
    "istio-init",
    "istio-proxy",
    "istio-validation",
    "linkerd-init",
    "linkerd-network-validator",
    "linkerd-proxy",
    "consul-connect-inject-init",
    "consul-dataplane",
    "vault-agent",
    "vault-agent-init",
];

/// Whether a container is the product's by its name, in a part that the plan upgrades.
fn is_judged_elsewhere(context: &Context<'_>, object: &ObjectRef, container: &str) -> bool {
    let part = component_of(&object.name);
    own_containers(&object.name).contains(&container)
        && part.is_some_and(|part| context.plan.components.contains(&part))
}

fn never_pulled(context: &Context<'_>, one: &Changed<'_>) -> Option<Finding> {
    let container =
        one.workload.all_containers().find(|container| container.name() == one.container)?;
    (container.value()["imagePullPolicy"] == "Never").then(|| {
        let object = short(one.workload.object());
        let what = format!("{object}: container `{}` has imagePullPolicy Never", one.container);
        let fix = format!(
            "load {} on every node, or `{}`",
            one.becomes,
            context.kubectl(&format!("edit {object}"))
        );
        NEVER_PULLED.found(what, fix)
    })
}

fn pull_secrets(context: &Context<'_>) -> Vec<Finding> {
    if context.snapshot.unread.contains_key("Secret") {
        return Vec::new();
    }
    let mut missing: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for workload in context.touched_workloads() {
        let spec = workload.pod_spec();
        let account = spec["serviceAccountName"]
            .as_str()
            .and_then(|name| context.snapshot.object("ServiceAccount", name));
        let named = |list: &Value| -> Vec<String> {
            items(list).filter_map(|it| it["name"].as_str().map(str::to_owned)).collect()
        };
        let mut secrets = named(&spec["imagePullSecrets"]);
        secrets.extend(account.map(|it| named(&it["imagePullSecrets"])).unwrap_or_default());
        for secret in secrets.into_iter().filter(|name| context.snapshot.secret(name).is_none()) {
            missing.entry(secret).or_default().insert(short(workload.object()));
        }
    }
    missing
        .into_iter()
        // The charts name these on every service account, whether or not they exist.
        .filter(|(secret, _)| !OFFERED.contains(&secret.as_str()))
        .map(|(secret, users)| {
            let users: Vec<String> = users.into_iter().collect();
            let what = format!("secret/{secret}, which {} names, does not exist", users.join(", "));
            let fix = context.kubectl(&format!(
                "create secret docker-registry {secret} --from-file=.dockerconfigjson=FILE"
            ));
            PULL_SECRET.found(what, fix)
        })
        .collect()
}

/// Pull secrets that the product's charts name.
const OFFERED: [&str; 5] = [
    "collector-stackrox",
    "secured-cluster-services-collector",
    "secured-cluster-services-main",
    "stackrox",
    "stackrox-scanner",
];

fn named_by_tag(changed: &[Changed<'_>]) -> Option<Finding> {
    let pinned: BTreeSet<String> = changed
        .iter()
        .filter(|one| one.was.contains("@sha256:") && !one.becomes.contains("@sha256:"))
        .map(|one| short(one.workload.object()))
        .collect();
    let objects: Vec<String> = pinned.into_iter().collect();
    (!objects.is_empty()).then(|| {
        let what = format!("pinned by digest so far: {}", objects.join(", "));
        DIGEST.found(what, "to pin the new ones: `--image NAME=REPOSITORY:TAG@sha256:DIGEST`")
    })
}

fn rhel_variants(context: &Context<'_>, changed: &[Changed<'_>]) -> Option<Finding> {
    let variants: BTreeSet<&str> = changed
        .iter()
        .filter(|one| {
            Image::classify(&one.was).is_some_and(|image| image.naming == Naming::ShortRhel)
        })
        .map(|one| one.was.as_str())
        .collect();
    (!variants.is_empty() && context.plan.to.is_at_least(3, 69)).then(|| {
        let list: Vec<&str> = variants.into_iter().collect();
        RHEL_VARIANT.found(format!("in use: {}", list.join(", ")), "")
    })
}

/// The registry of an image reference; Docker's own when it names none.
fn host(reference: &str) -> &str {
    match reference.split_once('/') {
        Some((first, _)) if first.contains(['.', ':']) || first == "localhost" => first,
        _ => "docker.io",
    }
}

#[cfg(test)]
mod tests {
    use common::rhacs::SecretFacts;
    use serde_json::json;

    use super::super::testing::{Installation, Subject};
    use super::*;

    const TO: &str = "3.69.2";

    fn with_image(from: &str, image: &str) -> Subject {
        Installation::at(from).with("Deployment", "central", |central| {
            central["spec"]["template"]["spec"]["containers"][0]["image"] = json!(image);
        })
    }

    #[test]
    fn a_mirror_has_to_have_the_images() {
        let finding = with_image("3.62.1", "mirror.example:5000/acs/main:3.0.62.1")
            .finding("RHACS-IMAGE-MIRROR", TO);
        assert!(finding.what.contains("mirror.example:5000/acs/"), "{}", finding.what);
        assert!(finding.what.ends_with(":3.69.2"), "{}", finding.what);
        assert!(!Installation::at("3.62.1").has("RHACS-IMAGE-MIRROR", TO));
    }

    #[test]
    fn a_registry_that_was_not_used_is_named() {
        let mut installation = Installation::at("3.62.1");
        let mut plan = installation.plan_for(TO);
        let text = serde_json::to_string(&plan).expect("JSON");
        let hosts: BTreeSet<String> = installation
            .snapshot
            .workloads()
            .flat_map(|workload| {
                workload.all_containers().map(|it| host(it.image()).to_owned()).collect::<Vec<_>>()
            })
            .collect();
        let moved =
            hosts.iter().fold(text, |text, host| text.replace(&format!("{host}/"), "new.example/"));
        plan = serde_json::from_str(&moved).expect("a plan");
        installation.accept.clear();
        let findings = installation.findings_of(&plan);
        let new: Vec<_> =
            findings.iter().filter(|finding| finding.code == "RHACS-REGISTRY-NEW").collect();
        assert_eq!(new.len(), 1, "{new:#?}");
        assert!(new[0].what.ends_with("will come from `new.example`"), "{}", new[0].what);
    }

    #[test]
    fn a_foreign_container_is_left_alone_and_named() {
        let installation = Installation::at("3.62.1").with("Deployment", "sensor", |sensor| {
            let containers = sensor["spec"]["template"]["spec"]["containers"].as_array_mut();
            containers
                .expect("containers")
                .push(json!({"name": "logger", "image": "example.org/logger:1"}));
        });
        let finding = installation.finding("RHACS-CONTAINER-UNKNOWN", TO);
        assert!(finding.what.contains("deploy/sensor: container `logger`"), "{}", finding.what);
    }

    #[test]
    fn sidecars_that_everybody_knows_and_images_that_were_named_are_not_told() {
        for name in ["istio-proxy", "linkerd-proxy"] {
            let installation = Installation::at("3.62.1").with("Deployment", "sensor", |sensor| {
                let containers = sensor["spec"]["template"]["spec"]["containers"].as_array_mut();
                let sidecar = json!({"name": name, "image": "example.org/proxy:1"});
                containers.expect("containers").push(sidecar);
            });
            assert!(!installation.has("RHACS-CONTAINER-UNKNOWN", TO), "{name}");
        }
        // The product's own container with a name of somebody's own: that is another finding.
        let own = with_image("3.62.1", "example.org/acs:1");
        assert!(!own.has("RHACS-CONTAINER-UNKNOWN", TO));
        assert!(own.has("RHACS-IMAGE-UNKNOWN", TO));
        let named = with_image("3.62.1", "example.org/acs:3.69.2");
        assert!(!named.has("RHACS-IMAGE-UNKNOWN", TO), "it is of the target already");
    }

    #[test]
    fn a_strangers_image_of_a_products_name_is_a_strangers() {
        let installation = Installation::at("3.62.1").with("Deployment", "central", |central| {
            let containers = central["spec"]["template"]["spec"]["containers"].as_array_mut();
            let proxy = json!({"name": "proxy", "image": "docker.io/envoy/main:1.0"});
            containers.expect("containers").push(proxy);
        });
        let finding = installation.finding("RHACS-CONTAINER-UNKNOWN", TO);
        assert!(finding.what.contains("deploy/central: container `proxy`"), "{}", finding.what);
        let plan = installation.plan_for(TO);
        assert!(!plan.before.iter().any(|running| running.container == "proxy"));
    }

    #[test]
    fn a_strangers_container_is_left_alone_and_contradicts_nothing() {
        let installation = Installation::at("3.62.1").with("Deployment", "central", |central| {
            let containers = central["spec"]["template"]["spec"]["containers"].as_array_mut();
            let copy = json!({"name": "copy", "image": "mirror.example/stackrox-io/main:3.60.0"});
            containers.expect("containers").push(copy);
        });
        assert!(!installation.has("RHACS-IMAGE-CONTRADICTS", TO), "nobody gives it another image");
    }

    #[test]
    fn an_image_that_is_never_pulled_is_seen() {
        let installation = Installation::at("3.62.1").with("Deployment", "sensor", |sensor| {
            sensor["spec"]["template"]["spec"]["containers"][0]["imagePullPolicy"] = json!("Never");
        });
        assert!(installation.has("RHACS-IMAGE-PULL-NEVER", TO));
    }

    #[test]
    fn a_missing_pull_secret_is_seen() {
        let named = || {
            Installation::at("3.62.1").with("Deployment", "sensor", |sensor| {
                sensor["spec"]["template"]["spec"]["imagePullSecrets"] = json!([{"name": "mine"}]);
            })
        };
        let finding = named().finding("RHACS-PULL-SECRET-MISSING", TO);
        assert_eq!(finding.what, "secret/mine, which deploy/sensor names, does not exist");
        let mut there = named();
        there.snapshot.secrets.push(SecretFacts { name: "mine".into(), ..SecretFacts::default() });
        assert!(!there.has("RHACS-PULL-SECRET-MISSING", TO));
    }

    #[test]
    fn pins_and_variants_are_mentioned() {
        let digest = format!("registry.redhat.io/rh-acs/main:3.0.62.1@sha256:{}", "0".repeat(64));
        assert!(with_image("3.62.1", &digest).has("RHACS-IMAGE-DIGEST", TO));
        let variant = "registry.redhat.io/rh-acs/main-rhel:3.0.62.1";
        assert!(with_image("3.62.1", variant).has("RHACS-IMAGE-RHEL-VARIANT", TO));
    }

    #[test]
    fn the_registry_of_a_reference_is_its_first_part() {
        for (reference, registry) in [
            ("quay.io/a/b:1", "quay.io"),
            ("localhost/a", "localhost"),
            ("host:5000/a:1", "host:5000"),
            ("library/a:1", "docker.io"),
            ("a:1", "docker.io"),
        ] {
            assert_eq!(host(reference), registry);
        }
    }
}
