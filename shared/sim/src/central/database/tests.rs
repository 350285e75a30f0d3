use super::*;

fn version(text: &str) -> Version {
    text.parse().unwrap()
}

fn ready() -> Surroundings {
    Surroundings { postgres_ready: true, ..Surroundings::default() }
}

fn upgraded(from: &str, to: &str) -> Database {
    let mut database = Database::of(&version(from));
    let start = database.start(&version(to), &ready());
    assert_eq!(start.ending, Ending::Serves { migrated: true }, "{from} to {to}: {start:?}");
    database
}

fn texts(start: &Start) -> String {
    start.lines.iter().map(|line| line.text.as_str()).collect::<Vec<_>>().join("\n")
}

#[test]
fn an_upgrade_migrates_and_says_so() {
    let mut database = Database::of(&version("3.0.62.1"));
    let start = database.start(&version("3.69.2"), &ready());
    assert_eq!(
        texts(&start),
        "Found DB at version 75, which is less than what we expect (94). Running migrations...\n\
         Successfully updated DB from version 75 to 94\n\
         Version found in the DB was current. We're good to go!\n\
         Running StackRox Version: 3.69.2"
    );
    assert_eq!(database.version, Some(version("3.69.2")));
}

#[test]
fn a_restart_migrates_nothing() {
    let mut database = upgraded("3.0.62.1", "3.69.2");
    let start = database.start(&version("3.69.2"), &ready());
    assert_eq!(start.ending, Ending::Serves { migrated: false });
    assert!(texts(&start).starts_with("DB is up to date at version 94. Nothing to do here."));
    assert!(database.previous.is_some(), "a restart must not lose the copy");
}

#[test]
fn a_plain_undo_is_refused_once_central_has_started() {
    let mut database = upgraded("3.66.1", "3.69.2");
    let start = database.start(&version("3.66.1"), &ready());
    assert_eq!(start.ending, Ending::Exits);
    assert!(texts(&start).contains("Central force rollback is disabled."));
}

#[test]
fn a_plain_undo_works_when_the_migration_failed() {
    let mut database = Database::of(&version("3.66.1"));
    let broken = Surroundings { migration_fails: Some("disk error".to_owned()), ..ready() };
    let start = database.start(&version("3.69.2"), &broken);
    assert_eq!(start.ending, Ending::Exits);
    assert!(texts(&start).ends_with("Migrator failed: disk error"));
    let undone = database.start(&version("3.66.1"), &ready());
    assert_eq!(undone.ending, Ending::Serves { migrated: false });
}

#[test]
fn a_forced_rollback_goes_back_one_upgrade_only() {
    let force = |tag: &str| Surroundings { force_rollback: Some(tag.to_owned()), ..ready() };
    let mut database = upgraded("3.66.1", "3.69.2");
    let mut twice = database.clone();
    let ending = database.start(&version("3.66.1"), &force("3.66.1")).ending;
    assert_eq!(ending, Ending::Serves { migrated: false });
    assert_eq!(database, Database::of(&version("3.66.1")));

    twice.start(&version("3.74.9"), &ready());
    let refused = twice.start(&version("3.66.1"), &force("3.66.1"));
    assert!(
        texts(&refused)
            .contains("We can only rollback to the central version before last upgrade.")
    );
}

#[test]
fn without_disk_there_is_no_copy_to_go_back_to() {
    let mut database = Database::of(&version("3.66.1"));
    let full = Surroundings { disk_full: true, ..ready() };
    assert_eq!(database.start(&version("3.69.2"), &full).ending, Ending::Serves { migrated: true });
    let force = Surroundings { force_rollback: Some("3.66.1".to_owned()), ..ready() };
    let refused = database.start(&version("3.66.1"), &force);
    assert!(texts(&refused).contains("No previous database for force rollback."));
}

#[test]
fn releases_that_must_not_be_skipped_are_refused() {
    for (from, to, expected) in [
        ("3.74.9", "4.5.1", "Effective release 4.5"),
        ("4.5.1", "4.10.0", "no migration found starting at 206"),
    ] {
        let start = Database::of(&version(from)).start(&version(to), &ready());
        assert_eq!(start.ending, Ending::Exits);
        assert!(texts(&start).contains(expected), "{}", texts(&start));
    }
}

#[test]
fn newer_releases_roll_back_on_the_live_database() {
    for (from, to, back, expected) in [
        ("4.6.1", "4.8.2", "4.6.1", "We're good to go!"),
        ("4.11.0", "4.11.2", "4.11.0", "We're good to go!"),
        (
            "4.9.0",
            "4.10.1",
            "4.5.1",
            "Software downgrade is not supported.  The software supports database version",
        ),
        ("4.1.2", "4.2.0", "4.1.2", "Software downgrade is not supported."),
    ] {
        let mut database = Database::of(&version(from));
        database.start(&version(to), &ready());
        let start = database.start(&version(back), &ready());
        assert!(texts(&start).contains(expected), "{to} back to {back}: {}", texts(&start));
    }
}

#[test]
fn four_point_eleven_runs_on_a_newer_database() {
    let mut database = Database::of(&version("4.11.1"));
    database.sequence = 226;
    database.version = Some(version("4.12.0"));
    let start = database.start(&version("4.11.1"), &ready());
    assert!(texts(&start).contains("central can start since it's backward compatible"));
}

#[test]
fn safe_mode_skips_the_migrator() {
    let safe = Surroundings { safe_mode: true, ..ready() };
    let old = Database::of(&version("3.66.1")).start(&version("3.69.2"), &safe);
    assert_eq!(old.ending, Ending::Sleeps);
    let new = Database::of(&version("4.6.0")).start(&version("4.8.0"), &safe);
    assert_eq!(new.ending, Ending::Exits);
    assert!(texts(&new).contains("DB version check failed"));
}

#[test]
fn four_point_zero_needs_its_database() {
    let start = Database::of(&version("3.74.9")).start(&version("4.0.0"), &Surroundings::default());
    assert_eq!(start.ending, Ending::Exits);
}
