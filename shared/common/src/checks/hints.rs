//! The commands in what a finding says to fix it: for tests that type them.

/// The programs whose commands are typed.
const PROGRAMS: [&str; 4] = ["kubectl ", "roxctl ", "sf-token ", "helm "];

/// The commands of `fix`: those in backticks, else the whole of it when it is one.
///
/// # Panics
/// When a command of kubectl stands in a sentence without backticks: nobody could tell where it
/// ends.
#[must_use]
pub fn commands(fix: &str) -> Vec<&str> {
    let is_command = |text: &str| PROGRAMS.iter().any(|program| text.starts_with(program));
    if !fix.contains('`') {
        let is_whole = is_command(fix);
        assert!(is_whole || !mentions(fix), "a command without backticks: {fix}");
        return if is_whole { vec![fix] } else { Vec::new() };
    }
    let parts: Vec<&str> = fix.split('`').collect();
    assert!(parts.len() % 2 == 1, "a backtick without its other: {fix}");
    for outside in parts.iter().step_by(2) {
        assert!(!mentions(outside), "a command without backticks: {fix}");
    }
    parts.into_iter().skip(1).step_by(2).filter(|inside| is_command(inside)).collect()
}

fn mentions(text: &str) -> bool {
    PROGRAMS.iter().any(|program| text.contains(program))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_what_can_be_typed() {
        assert_eq!(commands("kubectl get nodes"), ["kubectl get nodes"]);
        assert_eq!(
            commands("see `kubectl get pods`; `--to 3` or `roxctl version` helps"),
            ["kubectl get pods", "roxctl version"]
        );
        assert!(commands("set the clock").is_empty());
    }

    #[test]
    #[should_panic(expected = "without backticks")]
    fn a_command_within_a_sentence_has_an_end() {
        let _ = commands("type kubectl get pods and look");
    }
}
