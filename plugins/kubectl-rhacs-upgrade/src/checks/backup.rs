//! The backup that comes before everything else.

use common::plan::{Finding, Severity};
use common::ui::bytes;

use common::checks::Definition;
use common::checks::{Context, in_days};

const SKIPPED: Definition = Definition {
    code: "RHACS-BACKUP-SKIPPED",
    severity: Severity::Accept,
    meaning: "Central is upgraded without a backup",
    why: "when a database migration fails, a backup may be the only way back",
    source: "upgrade guide 3.69, section 2.1",
};
const IMPOSSIBLE: Definition = Definition {
    code: "RHACS-BACKUP-IMPOSSIBLE",
    severity: Severity::Block,
    meaning: "a backup is planned that cannot be taken",
    why: "the run would stop at its first step",
    source: "upgrade guide 3.69, section 2.1",
};
const NOT_ADMIN: Definition = Definition {
    code: "RHACS-TOKEN-NOT-ADMIN",
    severity: Severity::Block,
    meaning: "the credential lacks the role Admin, which a backup needs",
    why: "Central refuses the backup with 403, whatever the guide says of read access",
    source: "product API /api/extensions/backup, authorised by role Admin since 3.0.61",
};
const OLD: Definition = Definition {
    code: "RHACS-BACKUP-OLD",
    severity: Severity::Warn,
    meaning: "no recent backup is known, and none is planned",
    why: "everything since the last one would be lost with the database",
    source: "product API /v1/backup/status",
};
const NO_SPACE: Definition = Definition {
    code: "RHACS-BACKUP-SPACE",
    severity: Severity::Warn,
    meaning: "there may be too little room for the backup on this computer",
    why: "a backup that does not fit stops the run at its first step",
    source: "product API /v1/centralhealth/upgradestatus: the size of the database",
};
const DIRECTORY: Definition = Definition {
    code: "RHACS-BACKUP-DIRECTORY",
    severity: Severity::Block,
    meaning: "the backup cannot be written where it should be",
    why: "the run would stop at its first step",
    source: "upgrade guide 3.69, section 2.1",
};
const NO_KEYS: Definition = Definition {
    code: "RHACS-BACKUP-WITHOUT-KEYS",
    severity: Severity::Warn,
    meaning: "the backup of this release holds the database only",
    why: "up to 3.0.54 a backup has no certificates and keys; keep the Secrets as well",
    source: "upgrade guide 3.69, section 2.1; product change log 55.0",
};

pub(super) const DEFINITIONS: &[Definition] =
    &[SKIPPED, IMPOSSIBLE, NOT_ADMIN, OLD, DIRECTORY, NO_SPACE, NO_KEYS];

/// The age in days from which a backup is no longer recent.
const RECENT: i64 = 7;

pub(super) fn run(context: &Context<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    if context.takes_backup() {
        let fault = context.options.backup_directory_fault.clone();
        findings.extend(fault.map(|fault| {
            DIRECTORY.found(fault, "name a directory that can be written: --backup-dir DIR")
        }));
        findings.extend(impossible(context));
        findings.extend(not_admin(context));
        findings.extend(no_space(context));
        findings.extend(no_keys(context));
    } else if context.changes_central() {
        let fix = "leave --skip-backup out, with --token-file for a token of role Admin";
        findings.push(SKIPPED.found("no backup is planned before Central is changed", fix));
        findings.extend(old(context));
    }
    findings
}

fn impossible(context: &Context<'_>) -> Option<Finding> {
    let central = &context.snapshot.central;
    let (reason, fix) = if let Some(reason) = &central.unreachable {
        let fix = "--endpoint HOST:PORT where Central answers, --ca FILE if its certificate is not its own; or --skip-backup";
        (format!("Central does not answer: {reason}"), fix)
    } else if !central.has_credentials {
        ("there are no credentials for Central".to_owned(), TOKEN)
    } else if let Some(reason) = &central.unauthorized {
        (reason.clone(), TOKEN)
    } else {
        return None;
    };
    Some(IMPOSSIBLE.found(format!("the backup cannot be taken: {reason}"), fix))
}

const TOKEN: &str = "--token-file FILE with a token of role Admin, or --skip-backup";

fn not_admin(context: &Context<'_>) -> Option<Finding> {
    let roles = &context.snapshot.central.roles;
    if roles.is_empty() || roles.iter().any(|role| role == "Admin") {
        return None;
    }
    let what = format!("the credential has the role {}", roles.join(", "));
    let fix = "make a token of role Admin: Platform Configuration → Integrations → API Token";
    Some(NOT_ADMIN.found(what, fix))
}

fn no_space(context: &Context<'_>) -> Option<Finding> {
    let free = context.options.backup_space?;
    // Central asks for 1.2 times the size of its database; a backup is not larger than that.
    let needed = context.snapshot.central.upgrade_status.as_ref()?.space_required / 6 * 5;
    (free < needed).then(|| {
        let what = format!("{} are free, the database has {}", bytes(free), bytes(needed));
        NO_SPACE.found(what, "choose another place with --backup-dir DIR")
    })
}

fn no_keys(context: &Context<'_>) -> Option<Finding> {
    if context.plan.from.is_at_least(3, 55) {
        return None;
    }
    let what = format!("Central {} backs up its database without its keys", context.plan.from);
    let fix = context.kubectl("get secret central-tls -o yaml") + " > central-tls.yaml";
    let fix = format!("`{fix}`, and keep it private");
    Some(NO_KEYS.found(what, fix))
}

fn old(context: &Context<'_>) -> Option<Finding> {
    let what = match context.snapshot.central.last_backup.as_deref() {
        None => "Central knows of no backup".to_owned(),
        Some(time) => {
            let days = context.days_until(time).filter(|days| *days < -RECENT)?;
            format!("the last backup was taken {}", in_days(days))
        }
    };
    Some(OLD.found(what, "roxctl -e HOST:PORT central backup"))
}

#[cfg(test)]
mod tests {
    use common::rhacs::UpgradeStatus;

    use super::super::testing::{Installation, Subject, in_days};

    const TO: &str = "3.69.2";

    fn codes(installation: &Subject, to: &str) -> Vec<String> {
        let codes = installation.findings_for(to).into_iter().map(|finding| finding.code);
        codes.filter(|code| code.contains("BACKUP") || code.contains("ADMIN")).collect()
    }

    #[test]
    fn going_without_a_backup_has_to_be_accepted() {
        assert_eq!(
            codes(&Installation::at("3.62.1").without_backup(), TO),
            ["RHACS-BACKUP-SKIPPED"]
        );
        for (last, known) in [(None, false), (Some(in_days(-30)), false), (Some(in_days(-2)), true)]
        {
            let installation = Installation::at("3.62.1")
                .without_backup()
                .central(|central| central.last_backup.clone_from(&last));
            assert_eq!(installation.has("RHACS-BACKUP-OLD", TO), !known, "{last:?}");
        }
    }

    #[test]
    fn a_backup_that_cannot_be_taken_blocks() {
        let anonymous = Installation::at("3.62.1").central(|it| it.has_credentials = false);
        assert_eq!(codes(&anonymous, TO), ["RHACS-BACKUP-IMPOSSIBLE"]);
        let silent = Installation::at("3.62.1").central(|it| it.unreachable = Some("no".into()));
        assert_eq!(codes(&silent, TO), ["RHACS-BACKUP-IMPOSSIBLE"]);
    }

    #[test]
    fn a_backup_needs_the_role_admin() {
        for (roles, found) in
            [(vec!["Analyst"], true), (vec!["Analyst", "Admin"], false), (vec![], false)]
        {
            let installation = Installation::at("3.62.1")
                .central(|it| it.roles = roles.iter().map(ToString::to_string).collect());
            assert_eq!(installation.has("RHACS-TOKEN-NOT-ADMIN", TO), found, "{roles:?}");
        }
    }

    #[test]
    fn the_backup_has_to_fit_on_this_computer() {
        let status = UpgradeStatus {
            can_roll_back: true,
            space_required: 12 << 30,
            space_available: 20 << 30,
            ..UpgradeStatus::default()
        };
        for (free, found) in [(Some(9 << 30), true), (Some(11 << 30), false), (None, false)] {
            let mut installation =
                Installation::at("3.62.1").central(|it| it.upgrade_status = Some(status.clone()));
            installation.backup_space = free;
            assert_eq!(installation.has("RHACS-BACKUP-SPACE", TO), found, "{free:?}");
        }
    }

    #[test]
    fn an_old_backup_format_lacks_the_keys() {
        let installation = Installation::at("3.62.1");
        let mut plan = installation.plan_for(TO);
        plan.from = "3.0.54.0".parse().expect("a version");
        let findings = installation.findings_of(&plan);
        assert!(findings.iter().any(|finding| finding.code == "RHACS-BACKUP-WITHOUT-KEYS"));
        assert!(!installation.has("RHACS-BACKUP-WITHOUT-KEYS", TO));
    }
}
