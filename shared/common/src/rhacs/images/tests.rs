//! Each image of each flavour in other releases.

use super::*;

fn upgraded(reference: &str, to: &str) -> String {
    let to = to.parse().expect(to);
    let image = Image::classify(reference).expect(reference);
    image.at(&to, &ImageOptions::default()).expect(reference)
}

#[test]
fn each_flavour_stays_itself() {
    let table = [
        (
            "registry.redhat.io/rh-acs/main:3.0.62.1",
            "3.69.2",
            "registry.redhat.io/advanced-cluster-security/rhacs-main-rhel8:3.69.2",
        ),
        (
            "registry.redhat.io/rh-acs/collector:3.1.32-slim",
            "3.69.2",
            "registry.redhat.io/advanced-cluster-security/rhacs-collector-slim-rhel8:3.69.2",
        ),
        (
            "registry.redhat.io/rh-acs/collector:3.1.20-latest",
            "3.69.2",
            "registry.redhat.io/advanced-cluster-security/rhacs-collector-rhel8:3.69.2",
        ),
        (
            "registry.redhat.io/rh-acs/collector:3.1.30-slim",
            "3.66.1",
            "registry.redhat.io/rh-acs/collector:3.4.1-slim",
        ),
        (
            "registry.redhat.io/rh-acs/scanner-db:2.17.4",
            "3.66.1",
            "registry.redhat.io/rh-acs/scanner-db:2.20.0",
        ),
        (
            "registry.redhat.io/advanced-cluster-security/rhacs-scanner-db-rhel8:3.69.2",
            "3.74.9",
            "registry.redhat.io/advanced-cluster-security/rhacs-scanner-db-rhel8:3.74.9",
        ),
        ("stackrox.io/main:3.0.62.1", "3.69.2", "stackrox.io/main:3.69.2"),
        (
            "collector.stackrox.io/collector:3.1.32-slim",
            "3.69.2",
            "collector.stackrox.io/collector-slim:3.69.2",
        ),
        ("quay.io/stackrox-io/scanner:3.70.1", "3.74.9", "quay.io/stackrox-io/scanner:3.74.9"),
        (
            "mirror.example:5000/acs/main:3.0.62.1",
            "3.69.2",
            "mirror.example:5000/acs/rhacs-main-rhel8:3.69.2",
        ),
        ("mirror.example:5000/acs/main:3.70.0", "3.74.9", "mirror.example:5000/acs/main:3.74.9"),
        (
            "mirror.example/quay.io/stackrox-io/main:3.70.0",
            "3.74.9",
            "mirror.example/quay.io/stackrox-io/main:3.74.9",
        ),
        ("main:3.0.62.1", "3.63.0", "main:3.63.0"),
        (
            "registry.redhat.io/rh-acs/main-rhel:3.0.62.1",
            "3.69.2",
            "registry.redhat.io/advanced-cluster-security/rhacs-main-rhel8:3.69.2",
        ),
        (
            "registry.redhat.io/rh-acs/collector-rhel:3.1.32-slim",
            "3.68.0",
            "registry.redhat.io/advanced-cluster-security/rhacs-collector-slim-rhel8:3.68.0",
        ),
        (
            "registry.redhat.io/rh-acs/collector-rhel:3.1.20-latest",
            "3.69.2",
            "registry.redhat.io/advanced-cluster-security/rhacs-collector-rhel8:3.69.2",
        ),
        (
            "registry.redhat.io/rh-acs/main-rhel:3.0.62.1",
            "3.66.1",
            "registry.redhat.io/rh-acs/main-rhel:3.66.1",
        ),
        (
            "mirror.example/rh-acs/scanner-db-rhel:2.17.5",
            "3.69.2",
            "mirror.example/rh-acs/rhacs-scanner-db-rhel8:3.69.2",
        ),
        ("stackrox.io/main-rhel:3.0.62.1", "3.68.1", "stackrox.io/main-rhel:3.68.1"),
        ("stackrox.io/main-rhel:3.0.62.1", "3.69.2", "stackrox.io/main:3.69.2"),
        ("docker.io/stackrox/main:3.69.2", "3.71.3", "docker.io/stackrox/main:3.71.3"),
        ("docker.io/stackrox/main:3.69.2", "3.72.0", "quay.io/rhacs-eng/main:3.72.0"),
        (
            "docker.io/stackrox/collector-slim:3.69.2",
            "3.74.9",
            "quay.io/rhacs-eng/collector-slim:3.74.9",
        ),
        (
            "registry.redhat.io/advanced-cluster-security/rhacs-main-rhel8@sha256:00",
            "4.11.1",
            "registry.redhat.io/advanced-cluster-security/rhacs-main-rhel9:4.11.1",
        ),
    ];
    for (was, to, is) in table {
        assert_eq!(upgraded(was, to), is, "{was} → {to}");
    }
}

#[test]
fn the_version_that_runs_tells_what_a_digest_does_not() {
    let image = Image::classify("mirror.example/acs/main@sha256:00").expect("main");
    let at_target = |running: Option<Version>| {
        let options = ImageOptions { running, ..ImageOptions::default() };
        image.at(&Version::release(3, 74, 9), &options).expect("main has a tag")
    };
    let short = "mirror.example/acs/main:3.74.9";
    let product = "mirror.example/acs/rhacs-main-rhel8:3.74.9";
    assert_eq!(at_target(Some(Version::release(3, 70, 0))), short);
    assert_eq!(at_target(Some(Version::release(3, 62, 1))), product);
    assert_eq!(at_target(None), product);
    let free = Image::classify("mirror.example/acs/main:prod").expect("main");
    for (running, expected) in
        [(Version::release(3, 69, 2), short), (Version::release(3, 62, 1), product)]
    {
        let options = ImageOptions { running: Some(running), ..ImageOptions::default() };
        assert_eq!(free.at(&Version::release(3, 74, 9), &options).as_deref(), Ok(expected));
    }
    let tagged = Image::classify("mirror.example/acs/main:3.0.62.1").expect("main");
    let options =
        ImageOptions { running: Some(Version::release(3, 70, 0)), ..ImageOptions::default() };
    let reference = tagged.at(&Version::release(3, 74, 9), &options);
    assert_eq!(reference.as_deref(), Ok(product), "a tag says more about its own image");
    let own = Image::classify("mirror.example/acs/collector:3.1.32-slim").expect("collector");
    let reference = own.at(&Version::release(3, 74, 9), &options);
    let expected = "mirror.example/acs/rhacs-collector-slim-rhel8:3.74.9";
    assert_eq!(reference.as_deref(), Ok(expected), "a version of its own is one too");
}

#[test]
fn other_images_are_not_ours() {
    for reference in
        ["docker.io/library/nginx:1", "istio/proxyv2:1.9", "x/main-slim:1", "x/rhacs-main:1", ""]
    {
        assert_eq!(Image::classify(reference), None, "{reference}");
    }
}

#[test]
fn only_some_tags_say_the_product_version() {
    let version = |reference: &str| Image::classify(reference).expect(reference).version();
    assert_eq!(version("a/main:3.0.62.1"), Some(Version::release(3, 62, 1)));
    assert_eq!(version("a/scanner:2.17.5"), None);
    assert_eq!(version("a/rhacs-scanner-rhel8:3.69.2"), Some(Version::release(3, 69, 2)));
    assert_eq!(version("a/main@sha256:00"), None);
}

#[test]
fn a_registry_of_the_users_own_wins() {
    let options =
        ImageOptions { registry: Some("reg.example/acs/".to_owned()), ..ImageOptions::default() };
    let image = Image::classify("registry.redhat.io/rh-acs/main:3.0.62.1").expect("main");
    let to = Version::release(3, 69, 2);
    assert_eq!(image.at(&to, &options), Ok("reg.example/acs/rhacs-main-rhel8:3.69.2".to_owned()));
    let scanner = Image::classify("registry.redhat.io/rh-acs/scanner:2.17.5").expect("scanner");
    let unknown = Version::release(3, 65, 0);
    assert!(scanner.at(&unknown, &options).is_err());
}

#[test]
fn a_tag_that_is_not_known_is_asked_for_in_full() {
    let hint = |reference: &str, to: &str| {
        let image = Image::classify(reference).expect(reference);
        let to = to.parse().expect(to);
        image.at(&to, &ImageOptions::default()).expect_err(reference).hint()
    };
    assert_eq!(
        hint("registry.redhat.io/rh-acs/collector:3.1.32-slim", "3.64.2"),
        "say it with --image collector=registry.redhat.io/rh-acs/collector:3.2.0-slim if \
         3.64.2 has the tags of 3.64.0: look whether they exist"
    );
    assert_eq!(
        hint("mirror.example/acs/scanner-db:2.17.5", "3.65.0"),
        "say it with --image scanner-db=mirror.example/acs/scanner-db:TAG"
    );
    assert_eq!(
        hint("quay.io/stackrox-io/fact:0.1.0", "4.10.0"),
        "say it with --image fact=quay.io/stackrox-io/fact:TAG"
    );
}
