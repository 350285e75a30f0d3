//! Releases that one should not upgrade to, and those that mend them.

use common::checks::{Context, Definition};
use common::plan::{Finding, Severity};
use common::rhacs::{Component, Platform, Version};

const FAULTY_TARGET: Definition = Definition {
    code: "RHACS-TARGET-FAULTY",
    severity: Severity::Accept,
    meaning: "the target release has a known serious bug",
    why: "a later release has it mended",
    source: "product release notes, resolved issues of the patch releases",
};

pub(super) const DEFINITIONS: &[Definition] = &[FAULTY_TARGET];

/// A bug of the releases from `first` to `last`.
struct Fault {
    first: Version,
    last: Version,
    /// The release that has it mended.
    mended: Version,
    effect: &'static str,
    /// Whom it meets.
    meets: fn(&Context<'_>) -> bool,
    source: &'static str,
}

static FAULTS: &[Fault] = &[
    Fault {
        first: Version::release(3, 72, 0),
        last: Version::release(3, 72, 1),
        mended: Version::release(3, 72, 2),
        effect: "Central panics hours after a good upgrade, over vulnerabilities that it \
                 downloaded, and at each start from then on",
        meets: everybody,
        source: "stackrox issue 3503; release notes 3.72, resolved in 3.72.2 (ROX-13233)",
    },
    Fault {
        first: Version::release(3, 73, 0),
        last: Version::release(3, 73, 0),
        mended: Version::release(3, 73, 1),
        effect: "Central takes hours to become ready and is restarted meanwhile",
        meets: everybody,
        source: "access.redhat.com/node/6990153; release notes 3.73, resolved in 3.73.1",
    },
    Fault {
        first: Version::release(3, 73, 0),
        last: Version::release(3, 73, 1),
        mended: Version::release(3, 73, 2),
        effect: "Central crashes while it moves its data to PostgreSQL",
        meets: everybody,
        source: "release notes 3.73, resolved in 3.73.2 (ROX-14469)",
    },
    Fault {
        first: Version::release(3, 74, 0),
        last: Version::release(3, 74, 0),
        mended: Version::release(3, 74, 1),
        effect: "sensors behind a proxy cannot connect to Central",
        meets: everybody,
        source: "release notes 3.74, resolved in 3.74.1 (ROX-15279)",
    },
    Fault {
        first: Version::release(4, 1, 0),
        last: Version::release(4, 1, 2),
        mended: Version::release(4, 1, 3),
        effect: "Central cannot be rolled back",
        meets: everybody,
        source: "stackrox pull request 7258 (ROX-18861)",
    },
    Fault {
        first: Version::release(4, 4, 0),
        last: Version::release(4, 4, 0),
        mended: Version::release(4, 4, 1),
        effect: "Central does not start without a volume stackrox-db that it may write",
        meets: |context| !writes_its_old_volume(context),
        source: "stackrox issue 10542",
    },
    Fault {
        first: Version::release(4, 10, 0),
        last: Version::release(4, 10, u32::MAX),
        mended: Version::release(4, 11, 0),
        effect: "Central's automatic upgrade of secured clusters on OpenShift fails: the Service \
                 sensor-proxy lacks its label",
        meets: |context| {
            context.plan.platform == Platform::OpenShift
                && context.plan.components.contains(&Component::Secured)
                && context.snapshot.central.auto_upgrade == Some(true)
        },
        source: "stackrox pull request 20616 (ROX-34723)",
    },
];

pub(super) fn run(context: &Context<'_>) -> Vec<Finding> {
    let to = &context.plan.to;
    if context.plan.is_empty() {
        return Vec::new();
    }
    let met = FAULTS
        .iter()
        .filter(|fault| *to >= fault.first && *to <= fault.last && (fault.meets)(context));
    met.map(|fault| {
        let finding = FAULTY_TARGET
            .found(format!("{to}: {}", fault.effect), format!("`--to {}` or higher", fault.mended));
        Finding { source: fault.source.to_owned(), ..finding }
    })
    .collect()
}

const fn everybody(_: &Context<'_>) -> bool {
    true
}

/// Whether Central still has the volume of its old database where it may write to it.
fn writes_its_old_volume(context: &Context<'_>) -> bool {
    let central = context.snapshot.deployment("central");
    central.and_then(|central| central.container("central")).is_some_and(|container| {
        container.mount("/var/lib/stackrox").is_some_and(|mount| mount["readOnly"] != true)
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::testing::{Installation, Subject};

    /// The release that mends each fault of `to` that meets the installation, with its source.
    fn faults(installation: &Subject, to: &str) -> Vec<String> {
        let mut plan = installation.plan_for("3.74.9");
        plan.to = to.parse().expect(to);
        let findings = installation.findings_of(&plan).into_iter();
        let found = findings.filter(|finding| finding.code == "RHACS-TARGET-FAULTY");
        let mut fixes: Vec<String> = found
            .map(|finding| {
                assert!(!finding.source.is_empty() && finding.what.starts_with(to), "{finding:?}");
                finding.fix
            })
            .collect();
        fixes.sort();
        fixes
    }

    #[test]
    fn each_faulty_target_names_the_release_that_mends_it() {
        let installation = Installation::at("3.69.2");
        for (to, mended) in [
            ("3.71.3", &[][..]),
            ("3.72.0", &["3.72.2"]),
            ("3.72.1", &["3.72.2"]),
            ("3.72.2", &[]),
            ("3.73.0", &["3.73.1", "3.73.2"]),
            ("3.73.1", &["3.73.2"]),
            ("3.73.2", &[]),
            ("3.74.0", &["3.74.1"]),
            ("3.74.1", &[]),
            ("4.1.0", &["4.1.3"]),
            ("4.1.2", &["4.1.3"]),
            ("4.1.3", &[]),
        ] {
            let expected: Vec<String> =
                mended.iter().map(|version| format!("`--to {version}` or higher")).collect();
            assert_eq!(faults(&installation, to), expected, "{to}");
        }
    }

    #[test]
    fn a_target_that_needs_the_old_volume_has_to_be_able_to_write_it() {
        let mount = |change: fn(&mut Vec<Value>)| {
            Installation::at("3.69.2").with("Deployment", "central", |central| {
                let container = &mut central["spec"]["template"]["spec"]["containers"][0];
                change(container["volumeMounts"].as_array_mut().expect("mounts"));
            })
        };
        assert!(faults(&mount(|_| {}), "4.4.0").is_empty());
        let gone = mount(|mounts| mounts.retain(|mount| mount["mountPath"] != "/var/lib/stackrox"));
        assert_eq!(faults(&gone, "4.4.0"), ["`--to 4.4.1` or higher"]);
        assert!(faults(&gone, "4.4.1").is_empty());
        let sealed = mount(|mounts| {
            mounts.iter_mut().for_each(|mount| mount["readOnly"] = json!(true));
        });
        assert_eq!(faults(&sealed, "4.4.0"), ["`--to 4.4.1` or higher"]);
    }

    #[test]
    fn an_upgrader_that_fails_matters_where_it_is_used() {
        for (openshift, on, expected) in
            [(true, true, true), (true, false, false), (false, true, false)]
        {
            let installation = match openshift {
                true => Installation::on_openshift("3.69.2"),
                false => Installation::at("3.69.2"),
            };
            let installation = installation.central(|it| it.auto_upgrade = Some(on));
            for to in ["4.10.0", "4.10.6"] {
                assert_eq!(
                    !faults(&installation, to).is_empty(),
                    expected,
                    "{to} {openshift} {on}"
                );
            }
            assert!(faults(&installation, "4.11.0").is_empty());
            assert!(faults(&installation, "4.9.11").is_empty());
        }
    }
}
