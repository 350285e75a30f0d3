//! The findings of the preflight checks, as a table, with what somebody changed below it.

use super::human::count;
use super::look::{Look, Role};
use super::table::{Cell, Header, Table};
use crate::plan::{Finding, Severity};

/// The findings with a line that says what they mean for the run; nothing when there are none.
#[must_use]
pub fn findings_text(findings: &[Finding], look: Look, wide: bool) -> String {
    if findings.is_empty() {
        return String::new();
    }
    let table = findings_table(findings).render(look, wide);
    format!("{table}{}{}\n\n", three_ways_text(findings, look), verdict(findings, look))
}

/// The fields that somebody changed, object by object: a line each, or one for each of the three
/// states where a line has no room for them. Empty when there are none.
fn three_ways_text(findings: &[Finding], look: Look) -> String {
    let mut text = String::new();
    for finding in findings.iter().filter(|finding| !finding.fields.is_empty()) {
        let headers = ["FIELD", "BEFORE", "THE RUN LEFT", "NOW"].map(Header::new);
        let mut table = Table::new(headers);
        for field in &finding.fields {
            let now = Cell::painted(Role::Warning, field.now.as_str());
            let known = [&field.field, &field.before, &field.left];
            table.row(known.map(|known| Cell::from(known.as_str())).into_iter().chain([now]));
        }
        let heading = look.paint(Role::Strong, &finding.what);
        text.push_str(&format!("\n{heading}\n{}", table.render(look, false)));
    }
    if !text.is_empty() {
        text.push('\n');
    }
    text
}

/// The findings, gravest first, then by code.
#[must_use]
pub fn findings_table(findings: &[Finding]) -> Table {
    let mut sorted: Vec<&Finding> = findings.iter().collect();
    sorted.sort_by_key(|finding| (finding.severity, finding.code.as_str()));
    let mut table = Table::new([
        Header::new("SEVERITY"),
        Header::new("CODE"),
        Header::new("WHAT").wrapping(),
        Header::new("FIX").wrapping(),
        Header::new("WHY").wide().wrapping(),
        Header::new("SOURCE").wide().wrapping(),
    ]);
    for finding in sorted {
        let (role, word) = severity(finding);
        let fix = if finding.fix.is_empty() { "-" } else { &finding.fix };
        table.row([
            role.map_or_else(|| Cell::from(word), |role| Cell::painted(role, word)),
            finding.code.as_str().into(),
            finding.what.as_str().into(),
            fix.into(),
            finding.why.as_str().into(),
            finding.source.as_str().into(),
        ]);
    }
    table
}

const fn severity(finding: &Finding) -> (Option<Role>, &'static str) {
    match finding.severity {
        Severity::Block => (Some(Role::Error), "block"),
        Severity::Accept if finding.accepted => (Some(Role::Muted), "accepted"),
        Severity::Accept => (Some(Role::Error), "accept"),
        Severity::Warn => (Some(Role::Warning), "warn"),
        Severity::Info => (None, "info"),
    }
}

fn verdict(findings: &[Finding], look: Look) -> String {
    let open = |severity: Severity| {
        let is_open =
            move |finding: &&Finding| finding.severity == severity && finding.is_blocking();
        findings.iter().filter(is_open)
    };
    let blocked = open(Severity::Block).count();
    let mut codes: Vec<&str> = open(Severity::Accept).map(|found| found.code.as_str()).collect();
    codes.sort_unstable();
    codes.dedup();
    let mut parts = Vec::new();
    if blocked > 0 {
        parts.push(format!("{} to fix first", count(blocked, "finding")));
    }
    if !codes.is_empty() {
        let flags: Vec<String> = codes.iter().map(|code| format!("--accept {code}")).collect();
        parts.push(format!("to fix or to accept: {}", look.paint(Role::Literal, &flags.join(" "))));
    }
    if parts.is_empty() {
        return look.paint(Role::Success, "Nothing stands in the way.");
    }
    format!("{} {}.", look.paint(Role::Error, "Blocked:"), parts.join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(code: &str, severity: Severity, what: &str, fix: &str) -> Finding {
        Finding {
            code: code.to_owned(),
            severity,
            what: what.to_owned(),
            why: "it matters".to_owned(),
            fix: fix.to_owned(),
            source: "guide 2.1".to_owned(),
            accepted: false,
            fields: Vec::new(),
        }
    }

    #[test]
    fn the_gravest_comes_first() {
        let findings = [
            finding("RHACS-OUTAGE", Severity::Info, "Central is down for minutes", ""),
            finding("RHACS-PVC", Severity::Block, "pvc/stackrox-db is Pending", "kubectl get pvc"),
            finding("RHACS-BACKUP", Severity::Accept, "no backup", "drop --no-backup"),
        ];
        insta::assert_snapshot!(findings_text(&findings, Look::plain(), false), @r"
        SEVERITY   CODE           WHAT                          FIX
        block      RHACS-PVC      pvc/stackrox-db is Pending    kubectl get pvc
        accept     RHACS-BACKUP   no backup                     drop --no-backup
        info       RHACS-OUTAGE   Central is down for minutes   -
        Blocked: 1 finding to fix first; to fix or to accept: --accept RHACS-BACKUP.
        ");
    }

    #[test]
    fn what_somebody_changed_is_a_line_or_a_paragraph_for_each_field() {
        let mut changed = finding("RHACS-CHANGED", Severity::Accept, "ds/collector moved", "look");
        let field = |name: &str, now: &str| crate::plan::ThreeWay {
            field: name.to_owned(),
            before: "registry.example/acs/collector:3.66.1".to_owned(),
            left: "registry.example/acs/collector:3.69.2".to_owned(),
            now: now.to_owned(),
        };
        changed.fields = vec![field("containers[collector].image", "mine/collector:1")];
        let text = findings_text(std::slice::from_ref(&changed), Look::plain(), false);
        let line = text.lines().find(|line| line.starts_with("containers[")).expect("a line");
        for part in ["collector:3.66.1", "collector:3.69.2", "mine/collector:1"] {
            assert!(line.contains(part), "{text}");
        }
        changed.fields.push(field("containers[compliance].image", "mine/main:1"));
        let narrow = Look::plain().with_width(Some(80));
        insta::assert_snapshot!(findings_text(&[changed], narrow, false), @r"
        SEVERITY   CODE            WHAT                 FIX
        accept     RHACS-CHANGED   ds/collector moved   look

        ds/collector moved
        FIELD        containers[collector].image
        BEFORE       registry.example/acs/collector:3.66.1
        THE RUN LEFT registry.example/acs/collector:3.69.2
        NOW          mine/collector:1

        FIELD        containers[compliance].image
        BEFORE       registry.example/acs/collector:3.66.1
        THE RUN LEFT registry.example/acs/collector:3.69.2
        NOW          mine/main:1

        Blocked: to fix or to accept: --accept RHACS-CHANGED.
        ");
    }

    #[test]
    fn an_accepted_finding_stands_in_no_way() {
        let mut accepted = finding("RHACS-BACKUP", Severity::Accept, "no backup", "take one");
        accepted.accepted = true;
        let text = findings_text(&[accepted], Look::plain(), true);
        assert!(text.contains("accepted   RHACS-BACKUP"), "{text}");
        assert!(text.contains("Nothing stands in the way."), "{text}");
        assert!(text.contains("guide 2.1"), "{text}");
    }
}
