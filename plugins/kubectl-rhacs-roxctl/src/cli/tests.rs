//! The command line as people type it.

use super::*;

fn read(words: &str) -> Result<Cli, clap::Error> {
    let args = std::iter::once("kubectl-rhacs-roxctl").chain(words.split_whitespace());
    Cli::read(&args.map(OsString::from).collect::<Vec<_>>())
}

fn install(words: &str) -> InstallArgs {
    match read(words).expect(words).verb {
        Verb::Install(args) => args,
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_to_install_is_a_version_or_a_word() {
    assert_eq!(install("install").wanted, None);
    assert_eq!(install("install central").wanted, Some(Wanted::Central));
    assert_eq!(install("install latest").wanted, Some(Wanted::Latest));
    let version = Wanted::Version(Version::release(4, 8, 3));
    assert_eq!(install("install 4.8.3").wanted, Some(version));
}

#[test]
fn flags_about_connections_stand_before_or_after_the_verb() {
    for words in ["-n acs -o json install 4.8.3", "install 4.8.3 -n acs -o json"] {
        let cli = read(words).expect(words);
        assert_eq!(cli.connection.namespace(), "acs", "{words}");
        assert!(cli.ui.output.is_structured());
    }
}

#[test]
fn words_of_other_tools_are_understood() {
    let args = install("install --os macos --arch aarch64");
    assert_eq!((args.os, args.arch), (Some(Os::MacOs), Some(Arch::Arm64)));
    assert!(install("install --dry-run").dry_run.is_on());
    assert!(!install("install").dry_run.is_on());
    assert_eq!(install("install").mirror.address(), VENDOR_MIRROR);
    assert_eq!(install("install --mirror http://x/y").mirror.address(), "http://x/y");
}

#[test]
fn wrong_words_are_refused() {
    for words in [
        "",
        "install newest",
        "install 4.8",
        "install --os plan9",
        "install --arch riscv64",
        "install --sha256 abc",
        "install --file a --mirror http://b",
        "install --timeout soon",
        "uninstall 4.8.3 --all",
        "use",
        "frobnicate",
    ] {
        assert!(read(words).is_err(), "{words}");
    }
}

#[test]
fn the_command_is_well_formed() {
    command().debug_assert();
}

#[test]
fn help_and_readme_give_every_exit_code_the_same_meaning() {
    let help = command().render_long_help().to_string();
    let readme = include_str!("../../../../README.md").replace('`', "");
    for (exit, meaning) in EXITS {
        let code = exit.code();
        assert!(help.contains(&format!("\n  {code:<3} {meaning}\n")), "{code}: {help}");
        assert!(readme.contains(&format!("\n| {code} | {meaning} |\n")), "{code}");
    }
}
