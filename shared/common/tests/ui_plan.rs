//! What a person reads of a plan and of a report.

#![cfg(feature = "ui")]

use common::env::Env;
use common::exit::Exit;
use common::plan::{
    Action, Change, Finding, Operation, PLAN_SCHEMA, PatchKind, Plan, Severity, Step, Undo,
    Verification, Write,
};
use common::rhacs::{ClusterIdentity, Component, ObjectRef, Platform, Version};
use common::run::{BackupReport, ClusterReport, ComponentReport, Report};
use common::ui::{Look, Output, Ui, UiArgs, explain_plan, plan_text, report_text, to_yaml};
use serde_json::json;

fn plan() -> Plan {
    let central = ObjectRef::deployment("stackrox", "central");
    let image = "registry.redhat.io/advanced-cluster-security/rhacs-main-rhel8:3.69.2";
    let body = json!({"spec": {"template": {"spec": {"containers": [
        {"name": "central", "image": image}]}}}});
    let backup = Step {
        id: "backup".to_owned(),
        component: None,
        title: "Back up Central".to_owned(),
        action: Action::Backup { directory: "/backup".to_owned() },
        changes: Vec::new(),
        undo: Undo::None { reason: "a backup changes nothing".to_owned() },
        verify: Vec::new(),
        timeout_seconds: 3600,
    };
    let upgrade = Step {
        id: "central".to_owned(),
        component: Some(Component::Central),
        title: "Central 3.0.62.1 → 3.69.2".to_owned(),
        action: Action::Write {
            writes: vec![Write::Patch {
                object: central.clone(),
                patch: PatchKind::Strategic,
                body,
            }],
        },
        changes: vec![Change {
            rule: "image".to_owned(),
            object: Some(central.clone()),
            what: "image of central: 3.0.62.1 → 3.69.2".to_owned(),
            why: "this is the upgrade".to_owned(),
            source: "upgrade guide 2.2.1".to_owned(),
        }],
        undo: Undo::Restore,
        verify: vec![
            Verification::Rollout { object: central },
            Verification::CentralServes { version: Version::release(3, 69, 2) },
        ],
        timeout_seconds: 600,
    };
    let revoke = Step {
        id: "revoke-token".to_owned(),
        component: None,
        title: "Revoke the API token".to_owned(),
        action: Action::RevokeToken,
        changes: Vec::new(),
        undo: Undo::None { reason: "a revoked token stays revoked".to_owned() },
        verify: Vec::new(),
        timeout_seconds: 30,
    };
    Plan {
        schema: PLAN_SCHEMA,
        tool: "0.1.0".to_owned(),
        operation: Operation::Upgrade,
        cluster: ClusterIdentity {
            id: "id".to_owned(),
            server: "https://api.example:6443".to_owned(),
            version: "v1.27.3".to_owned(),
        },
        namespace: "stackrox".to_owned(),
        platform: Platform::OpenShift,
        from: Version::release(3, 62, 1),
        to: Version::release(3, 69, 2),
        components: Component::ALL.to_vec(),
        before: Vec::new(),
        basis: Vec::new(),
        steps: vec![backup, upgrade, revoke],
        course: None,
        digest: String::new(),
    }
    .sealed()
}

fn report() -> Report {
    let part = |component, object: ObjectRef, was: &str, is: &str, healthy| ComponentReport {
        component,
        container: object.name.clone(),
        object,
        was: format!("stackrox.io/main:{was}"),
        is: format!("stackrox.io/main:{is}"),
        wanted: format!("stackrox.io/main:{is}"),
        part_of_run: true,
        healthy,
        note: String::new(),
    };
    Report {
        exit: Exit::Done,
        operation: Operation::Upgrade,
        run: "20260102-120000-test".to_owned(),
        from: Version::release(3, 62, 1),
        to: Version::release(3, 69, 2),
        components: vec![
            part(
                Component::Central,
                ObjectRef::deployment("stackrox", "central"),
                "3.0.62.1",
                "3.69.2",
                true,
            ),
            part(
                Component::Secured,
                ObjectRef::daemon_set("stackrox", "collector"),
                "3.0.62.1",
                "3.69.2",
                true,
            ),
        ],
        limited_to: Vec::new(),
        central_asked: true,
        backup: Some(BackupReport {
            path: "/backup/stackrox_db.zip".to_owned(),
            size: 2_147_483_648,
            sha256: "00ff".to_owned(),
        }),
        outage_seconds: Some(41.8),
        outage_whole: true,
        parts: 1,
        elapsed_seconds: 372.0,
        clusters: vec![ClusterReport {
            name: "production".to_owned(),
            version: "3.69.2".to_owned(),
            health: "HEALTHY".to_owned(),
            verified: true,
            part_of_run: true,
            note: String::new(),
        }],
        parity: None,
        warnings: vec!["one thing".to_owned()],
        next: vec!["kubectl rhacs upgrade status".to_owned(), "kubectl rhacs rollback".to_owned()],
    }
}

#[test]
fn a_plan_is_a_table_of_changes() {
    insta::assert_snapshot!(plan_text(&plan(), Look::plain(), false), @r"
    Upgrade 3.0.62.1 → 3.69.2, namespace stackrox on https://api.example:6443 (openshift)

    STEP           OBJECT           CHANGE                                WHY                   REVERSIBLE
    backup         -                Back up Central                                             -
    central        deploy/central   image of central: 3.0.62.1 → 3.69.2   this is the upgrade   yes
    revoke-token   -                Revoke the API token                                        no
    3 steps, 1 change.
    ");
}

#[test]
fn a_plan_fits_a_narrow_terminal() {
    let text = plan_text(&plan(), Look::plain().with_width(Some(90)), false);
    assert!(text.lines().skip(1).all(|line| line.chars().count() <= 90), "{text}");
}

#[test]
fn findings_stand_above_the_plan_with_a_line_between() {
    let finding = Finding {
        code: "RHACS-OUTAGE".to_owned(),
        severity: Severity::Info,
        what: "Central is down for a while".to_owned(),
        why: "it is recreated".to_owned(),
        fix: String::new(),
        source: "product charts".to_owned(),
        accepted: false,
        fields: Vec::new(),
    };
    let env = Env::test().with_variable("LANG", "C.UTF-8");
    let ui = Ui::new(&env, &UiArgs::default(), false);
    ui.propose(&plan(), &[finding]);
    let shown = env.stderr().captured();
    assert!(shown.starts_with("SEVERITY   CODE"), "{shown}");
    assert!(shown.contains("stands in the way.\n\nUpgrade 3.0.62.1 → 3.69.2,"), "{shown}");
    assert_eq!(env.stdout().captured(), "");
}

#[test]
fn a_plan_with_nothing_to_change_says_so() {
    let mut plan = plan();
    plan.steps.truncate(1);
    let text = plan_text(&plan.sealed(), Look::plain(), false);
    assert!(text.ends_with("\nNothing to change.\n"), "{text}");
}

#[test]
fn an_explanation_has_the_exact_patches_and_their_reasons() {
    insta::assert_snapshot!(explain_plan(&plan()), @r"
    # Step 1, backup: Back up Central
    # Undo: none, a backup changes nothing
    kind: backup
    directory: /backup
    ---
    # Step 2, central: Central 3.0.62.1 → 3.69.2
    # - deploy/central: image of central: 3.0.62.1 → 3.69.2
    #   why: this is the upgrade (upgrade guide 2.2.1; rule image)
    # Verified within 10m: the rollout of deploy/central is complete
    # Verified within 10m: Central's log says its database is current, and its API serves 3.69.2
    # Undo: every object is put back as it was captured
    - patch: deployment.apps/central
      kind: strategic
      body:
        spec:
          template:
            spec:
              containers:
              - image: registry.redhat.io/advanced-cluster-security/rhacs-main-rhel8:3.69.2
                name: central
    ---
    # Step 3, revoke-token: Revoke the API token
    # Undo: none, a revoked token stays revoked
    kind: revokeToken
    ");
}

#[test]
fn a_plan_in_yaml_is_the_same_plan_when_it_is_read_again() {
    let yaml = to_yaml(&plan()).unwrap();
    assert!(yaml.starts_with("schema: 1\n"), "{yaml}");
    let read: Plan = serde_saphyr::from_str(&yaml).unwrap();
    assert_eq!(read, plan());
    assert!(read.is_intact());
}

#[test]
fn a_report_says_what_is_and_what_comes_next() {
    insta::assert_snapshot!(report_text(&report(), Output::Table, Look::plain()), @r"
    ✓ 3.69.2 is done: everything is verified

    COMPONENT   OBJECT           CONTAINER   WAS        IS       HEALTHY   NOTE
    central     deploy/central   central     3.0.62.1   3.69.2   yes
    secured     ds/collector     collector   3.0.62.1   3.69.2   yes

    CLUSTER      SENSOR   HEALTH    VERIFIED   NOTE
    production   3.69.2   HEALTHY   yes

    Run:     20260102-120000-test
    Took:    6m12s
    Outage:  Central did not answer for 42s
    Backup:  /backup/stackrox_db.zip (2.0 GiB)
             SHA-256 00ff
    Look at: 1 warning
    warning: one thing

    Next: kubectl rhacs upgrade status
          kubectl rhacs rollback
    ");
}

#[test]
fn the_last_line_says_no_more_than_the_table() {
    let mut report = report();
    report.components[1].healthy = false;
    let text = report_text(&report, Output::Table, Look::plain());
    assert!(!text.contains("everything is verified"), "{text}");
    assert_eq!(report.faults(), ["`ds/collector` is not healthy"]);
    report.components[1].part_of_run = false;
    assert!(report.faults().is_empty());
}

#[test]
fn names_are_those_of_kubectl() {
    let names = report_text(&report(), Output::Name, Look::plain());
    assert_eq!(names, "deployment.apps/central\ndaemonset.apps/collector\n");
}
