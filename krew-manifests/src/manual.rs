//! Manual pages of every program, one for each verb.

use clap::Command;
use clap_mangen::Man;

use crate::Problem;
use crate::plugins::Plugin;

/// A manual page of section 1.
#[derive(Clone, Debug)]
pub struct Page {
    /// The file's name, such as `kubectl-rhacs-upgrade-plan.1`.
    pub name: String,
    /// The roff text.
    pub text: Vec<u8>,
}

/// The pages of all programs of a plugin that have a command line to describe.
///
/// # Errors
/// A page that cannot be rendered.
pub fn pages(plugin: &Plugin) -> Result<Vec<Page>, Problem> {
    let mut pages = Vec::new();
    for (program, typed, command) in commands() {
        if plugin.programs.contains(&program) {
            describe(&command, program, typed, &mut pages)?;
        }
    }
    Ok(pages)
}

/// Every program with what a person types for it.
fn commands() -> Vec<(&'static str, &'static str, Command)> {
    vec![
        ("kubectl-rhacs", "kubectl rhacs", kubectl_rhacs::cli::command()),
        ("kubectl-rhacs-upgrade", "kubectl rhacs upgrade", kubectl_rhacs_upgrade::cli::command()),
        (
            "kubectl-rhacs-rollback",
            "kubectl rhacs rollback",
            kubectl_rhacs_rollback::cli::command(),
        ),
        ("kubectl-rhacs-scc", "kubectl rhacs scc", kubectl_rhacs_scc::cli::command()),
        ("kubectl-rhacs-roxctl", "kubectl rhacs roxctl", kubectl_rhacs_roxctl::cli::command()),
        ("sf-token", "sf-token", sf_token::cli::command()),
    ]
}

fn describe(
    command: &Command,
    name: &str,
    typed: &str,
    pages: &mut Vec<Page>,
) -> Result<(), Problem> {
    let named = command.clone().display_name(name.to_owned()).bin_name(typed.to_owned());
    let mut text = Vec::new();
    Man::new(named)
        .title(name.to_uppercase())
        .source(format!("kubectl-rhacs {}", common::SUITE_VERSION))
        .manual("kubectl plugins")
        .render(&mut text)
        .map_err(|error| Problem(format!("cannot describe `{name}`: {error}")))?;
    pages.push(Page { name: format!("{name}.1"), text });
    for verb in command.get_subcommands() {
        // The words of other programs are described by those.
        let is_other = kubectl_rhacs::words::word(verb.get_name()).is_some();
        if verb.is_hide_set() || is_other && name == kubectl_rhacs::words::FRONT {
            continue;
        }
        let (name, typed) = (format!("{name}-{verb}"), format!("{typed} {verb}"));
        describe(verb, &name, &typed, pages)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plugins::PLUGINS;

    #[test]
    fn every_program_and_verb_has_a_page() {
        let pages: Vec<Page> = PLUGINS.iter().flat_map(|plugin| pages(plugin).unwrap()).collect();
        let text = |name: &str| {
            let page = pages.iter().find(|page| page.name == name);
            String::from_utf8(page.unwrap_or_else(|| panic!("no {name}")).text.clone()).unwrap()
        };
        assert!(text("kubectl-rhacs.1").contains("kubectl\\-rhacs\\-doctor(1)"));
        assert!(text("sf-token.1").contains("sf\\-token\\-rotate(1)"));
        let plan = text("kubectl-rhacs-upgrade-plan.1");
        assert!(plan.starts_with(".ie") && plan.contains("Show the plan"), "{plan}");
        assert!(plan.contains("kubectl rhacs upgrade plan"), "{plan}");
        let mut names: Vec<&str> = pages.iter().map(|page| page.name.as_str()).collect();
        names.sort_unstable();
        let count = names.len();
        names.dedup();
        assert_eq!(names.len(), count, "a page is there twice");
    }
}
