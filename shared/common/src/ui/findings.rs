//! The findings of the preflight checks, as a table.

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
    format!("{}{}\n\n", findings_table(findings).render(look, wide), verdict(findings, look))
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
    fn an_accepted_finding_stands_in_no_way() {
        let mut accepted = finding("RHACS-BACKUP", Severity::Accept, "no backup", "take one");
        accepted.accepted = true;
        let text = findings_text(&[accepted], Look::plain(), true);
        assert!(text.contains("accepted   RHACS-BACKUP"), "{text}");
        assert!(text.contains("Nothing stands in the way."), "{text}");
        assert!(text.contains("guide 2.1"), "{text}");
    }
}
