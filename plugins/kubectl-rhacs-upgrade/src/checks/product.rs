//! What the releases on the way bring: outages, ways back, known bugs, things done by hand.

use common::plan::Action;
use common::plan::{Finding, ScannerConfig, Severity};
use common::rhacs::scanner_config::{self, Origin, origin};
use common::rhacs::{Component, Version};

use super::storage::loses_its_data;
use common::checks::Definition;
use common::checks::{Context, name};

const OUTAGE: Definition = Definition {
    code: "RHACS-OUTAGE",
    severity: Severity::Info,
    meaning: "Central is down while it is replaced",
    why: "its Deployment is recreated, not rolled, since two Centrals cannot share a database",
    source: "product charts: central, strategy Recreate",
};
const WAY_BACK: Definition = Definition {
    code: "RHACS-ROLLBACK-WINDOW",
    severity: Severity::Info,
    meaning: "how far the upgrade can be taken back",
    why: "Central keeps one copy of its database, made by the last upgrade; newer data are lost",
    source: "upgrade guide 3.69, section 2.4.1; upgrade guide, module rollback-central-forced",
};
const NO_WAY_BACK: Definition = Definition {
    code: "RHACS-ROLLBACK-IMPOSSIBLE",
    severity: Severity::Accept,
    meaning: "the upgrade cannot be taken back",
    why: "Central can be rolled back to 3.0.58 at the earliest; before that only a restore helps",
    source: "upgrade guide 3.69, section 2.4.1; product migrator: minForceRollbackTo 3.0.58.0",
};
const ADMISSION_BUNDLE: Definition = Definition {
    code: "RHACS-ADMISSION-BUNDLE",
    severity: Severity::Accept,
    meaning: "the admission controller is so old that it has to be installed anew by hand",
    why: "up to 3.0.54 it was another program with other objects; this tool does not make them",
    source: "upgrade guide, section on the admission controller of 3.0.44 to 3.0.54",
};
const UNRELEASED_TARGET: Definition = Definition {
    code: "RHACS-TARGET-UNRELEASED",
    severity: Severity::Accept,
    meaning: "the target is no release",
    why: "candidates and nightlies are not supported, and releases may not upgrade from them",
    source: "product support policy",
};
const SCANNER_CONFIG: Definition = Definition {
    code: "RHACS-SCANNER-CONFIG",
    severity: Severity::Warn,
    meaning: "the Scanner's configuration is not the official one",
    why: "the new release's configuration and your changes have to be brought together",
    source: "upgrade guide 3.69, section 2.2.3; upgrade guide, module upgrade-scanner",
};
const SCANNER_BUNDLE: Definition = Definition {
    code: "RHACS-SCANNER-BUNDLE",
    severity: Severity::Warn,
    meaning: "the Scanner keeps the configuration of its old release",
    why: "each release brings its own, with ports and certificates the new Scanner expects",
    source: "upgrade guide 3.69, section 2.2.3; upgrade guide, module upgrade-scanner",
};
const IMAGE_NAMES: Definition = Definition {
    code: "RHACS-IMAGE-NAMES",
    severity: Severity::Info,
    meaning: "the release line brings new image names",
    why: "from 3.68 on all images have the product's version as tag, and Red Hat's have new names",
    source: "product change log 68.0",
};
const ROLES_MERGED: Definition = Definition {
    code: "RHACS-PERMISSIONS-MERGED",
    severity: Severity::Info,
    meaning: "permissions in Central's roles are merged",
    why: "3.73 replaces APIToken and others by Integration and Access, in custom roles too",
    source: "product change log 73.0",
};
const POLICIES_OPTIONAL: Definition = Definition {
    code: "RHACS-PSP-DEPRECATED",
    severity: Severity::Info,
    meaning: "PodSecurityPolicies are deprecated in the product",
    why: "from 3.70 on they are on the way out; Kubernetes 1.25 has none",
    source: "product change log 70.0",
};
const LAST_LINE: Definition = Definition {
    code: "RHACS-LAST-3X",
    severity: Severity::Info,
    meaning: "the target is the last line before 4.0",
    why: "4.0 moves the data to PostgreSQL and takes over only from the newest 3.74",
    source: "product change log 74.0 and 4.0",
};

pub(super) const DEFINITIONS: &[Definition] = &[
    OUTAGE,
    WAY_BACK,
    NO_WAY_BACK,
    ADMISSION_BUNDLE,
    UNRELEASED_TARGET,
    SCANNER_CONFIG,
    SCANNER_BUNDLE,
    IMAGE_NAMES,
    ROLES_MERGED,
    POLICIES_OPTIONAL,
    LAST_LINE,
];

pub(super) fn run(context: &Context<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    if context.changes_central() {
        findings.extend(outage(context));
        findings.extend(way_back(context));
    }
    if !context.plan.is_empty() {
        findings.extend(unreleased_target(context));
        findings.extend(release_notes(context));
    }
    findings.extend(admission_bundle(context));
    findings.extend(scanner_config(context));
    findings
}

fn outage(context: &Context<'_>) -> Option<Finding> {
    let central = context.snapshot.deployment("central")?;
    let recreated = central.object()["spec"]["strategy"]["type"] == "Recreate";
    recreated.then(|| {
        OUTAGE.found(
            "Central is down until its new pod has migrated the database; sensors reconnect",
            "",
        )
    })
}

fn way_back(context: &Context<'_>) -> Option<Finding> {
    let (from, to) = (&context.plan.from, &context.plan.to);
    if *from < Version::release(3, 58, 0) {
        let fix = "upgrade to 3.0.58 or higher in a step of its own first, or rely on the backup";
        return Some(NO_WAY_BACK.found(format!("Central {to} cannot go back to {from}"), fix));
    }
    if loses_its_data(context) {
        // That is said about its volume.
        return None;
    }
    let copy = match &context.snapshot.central.upgrade_status {
        Some(status) if status.can_roll_back => "there is room for the copy",
        Some(_) => "there is no room for the copy",
        None => "whether there is room for the copy is not known",
    };
    let what =
        format!("{to} can go back to {from}, and only to it, until the next upgrade; {copy}");
    Some(WAY_BACK.found(what, ""))
}

fn admission_bundle(context: &Context<'_>) -> Option<Finding> {
    let from = &context.plan.from;
    let old = from.is_at_least(3, 44) && !from.is_at_least(3, 55);
    context.snapshot.deployment("admission-control").filter(|_| old)?;
    let fix = "`kubectl delete validatingwebhookconfiguration stackrox`; `roxctl sensor get-bundle \
               NAME`; `kubectl apply -f` the bundle's admission-controller*.yaml";
    Some(ADMISSION_BUNDLE.found(format!("deploy/admission-control is of {from}"), fix))
}

fn unreleased_target(context: &Context<'_>) -> Option<Finding> {
    let to = &context.plan.to;
    (!to.is_release()).then(|| {
        UNRELEASED_TARGET.found(format!("{to} is a pre-release"), "use --to with a release")
    })
}

fn release_notes(context: &Context<'_>) -> Vec<Finding> {
    let mut notes = Vec::new();
    if context.enters(3, 68) {
        notes.push(IMAGE_NAMES.found(
            "3.68: rh-acs/main becomes advanced-cluster-security/rhacs-main-rhel8, and so on",
            "mirrors need the new names",
        ));
    }
    let has_policies =
        context.snapshot.of_kind("PodSecurityPolicy").any(|one| name(one).starts_with("stackrox-"));
    if context.enters(3, 70) && has_policies {
        notes
            .push(POLICIES_OPTIONAL.found("3.70 deprecates the product's PodSecurityPolicies", ""));
    }
    if context.enters(3, 73) {
        let fix = "look at Platform Configuration → Access Control → Permission Sets then";
        notes.push(ROLES_MERGED.found("3.73 merges permissions of custom permission sets", fix));
    }
    if context.enters(3, 74) {
        notes.push(LAST_LINE.found("3.74 is the last stop before 4.0", ""));
    }
    notes
}

/// What becomes of the Scanner's configuration.
fn scanner_config(context: &Context<'_>) -> Option<Finding> {
    let choice = context.plan.steps.iter().find_map(|step| match &step.action {
        Action::ScannerBundle { config } => Some(*config),
        _ => None,
    });
    let live = context.snapshot.object("ConfigMap", scanner_config::NAME)?;
    let plan = context.plan;
    let origin = origin(live, &plan.to, plan.platform, &plan.namespace);
    let (what, choice) = match (origin, choice) {
        (Origin::AnotherRelease, None) if plan.components.contains(&Component::Scanner) => {
            return Some(SCANNER_BUNDLE.found(
                "cm/scanner-config stays that of another release: without credentials Central's \
                 scanner bundle cannot be fetched",
                "--token-file FILE; or by hand: `roxctl scanner generate`, then `kubectl apply -f` its \
                 02-scanner-03-tls-secret.yaml and 02-scanner-04-scanner-config.yaml",
            ));
        }
        (Origin::User, Some(choice)) => ("cm/scanner-config has changes of your own; ", choice),
        _ => return None,
    };
    let what = match choice {
        ScannerConfig::Keep => format!("{what}it is kept as it is"),
        ScannerConfig::Replace => format!("{what}they are replaced"),
    };
    let look = context.kubectl("get cm scanner-config -o yaml");
    let fix = format!("`{look}`; `--scanner-config=keep` or `replace` decides");
    Some(SCANNER_CONFIG.found(what, fix))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::testing::Installation;

    fn codes(from: &str, to: &str) -> Vec<String> {
        let findings = Installation::at(from).findings_for(to);
        findings.into_iter().map(|finding| finding.code).collect()
    }

    #[test]
    fn outage_and_way_back_are_told_before_they_happen() {
        let found = codes("3.62.1", "3.69.2");
        assert!(found.contains(&"RHACS-OUTAGE".to_owned()), "{found:?}");
        let finding = Installation::at("3.62.1").finding("RHACS-ROLLBACK-WINDOW", "3.69.2");
        assert!(finding.what.starts_with("3.69.2 can go back to 3.0.62.1, and only to it"));
    }

    #[test]
    fn from_before_3_58_there_is_no_way_back() {
        let installation = Installation::at("3.62.1");
        let mut plan = installation.plan_for("3.69.2");
        plan.from = "3.0.57.2".parse().expect("a version");
        let findings = installation.findings_of(&plan);
        let found = |code: &str| findings.iter().any(|finding| finding.code == code);
        assert!(found("RHACS-ROLLBACK-IMPOSSIBLE"));
        assert!(!found("RHACS-ROLLBACK-WINDOW"));
        assert!(!found("RHACS-ADMISSION-BUNDLE"));
    }

    #[test]
    fn an_old_admission_controller_is_done_by_hand() {
        let installation = Installation::at("3.62.1");
        let mut plan = installation.plan_for("3.69.2");
        for (from, expected) in [("3.0.54.0", true), ("3.0.44.0", true), ("3.0.55.0", false)] {
            plan.from = from.parse().expect("a version");
            let findings = installation.findings_of(&plan);
            let found = findings.iter().any(|finding| finding.code == "RHACS-ADMISSION-BUNDLE");
            assert_eq!(found, expected, "{from}");
        }
    }

    #[test]
    fn a_candidate_is_no_release() {
        let installation = Installation::at("3.69.2");
        assert!(installation.has("RHACS-TARGET-UNRELEASED", "3.73.1-rc.1"));
        assert!(!installation.has("RHACS-TARGET-UNRELEASED", "3.73.1"));
    }

    #[test]
    fn each_line_on_the_way_has_its_note() {
        for (from, to, code, expected) in [
            ("3.62.1", "3.69.2", "RHACS-IMAGE-NAMES", true),
            ("3.69.2", "3.74.9", "RHACS-IMAGE-NAMES", false),
            ("3.69.2", "3.74.9", "RHACS-PERMISSIONS-MERGED", true),
            ("3.69.2", "3.72.0", "RHACS-PERMISSIONS-MERGED", false),
            ("3.69.2", "3.74.9", "RHACS-LAST-3X", true),
            ("3.74.0", "3.74.9", "RHACS-LAST-3X", false),
        ] {
            assert_eq!(codes(from, to).contains(&code.to_owned()), expected, "{from} {to} {code}");
        }
    }

    #[test]
    fn a_scanner_configuration_of_ones_own_is_noticed() {
        let custom = Installation::at("3.62.1").with("ConfigMap", "scanner-config", |config| {
            let data = config["data"].as_object_mut().expect("data");
            for value in data.values_mut() {
                *value = json!("scanner: {updater: {interval: 12h}}");
            }
        });
        let finding = custom.finding("RHACS-SCANNER-CONFIG", "3.69.2");
        assert!(finding.what.ends_with("it is kept as it is"), "{}", finding.what);
        let commented = Installation::at("3.62.1").with("ConfigMap", "scanner-config", |config| {
            let data = config["data"].as_object_mut().expect("data");
            for value in data.values_mut() {
                *value = json!(format!("# a comment\n{}", value.as_str().expect("text")));
            }
        });
        assert!(!commented.has("RHACS-SCANNER-CONFIG", "3.69.2"));
    }

    #[test]
    fn a_scanner_that_keeps_its_old_configuration_is_told() {
        let code = "RHACS-SCANNER-BUNDLE";
        assert!(!Installation::at("3.62.1").has(code, "3.69.2"));
        let anonymous = Installation::at("3.62.1").central(|it| it.has_credentials = false);
        let finding = anonymous.finding(code, "3.69.2");
        assert!(finding.fix.starts_with("--token-file"), "{}", finding.fix);
        let own = anonymous.with("ConfigMap", "scanner-config", |config| {
            config["data"]["config.yaml"] = json!("scanner: {updater: {interval: 12h}}");
        });
        assert!(!own.has(code, "3.69.2"));
    }
}
