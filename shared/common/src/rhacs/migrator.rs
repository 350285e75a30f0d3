//! Reading Central's log: how far the migration of its database has come.
//!
//! Sources: `migrator/` and `central/version/ensure.go` of the product at 3.64 to 4.11. Lines are
//! matched by substring, since their prefixes carry times and line numbers; the Badger lines of
//! the old guide are not looked at, they are gone since 3.64.

use serde::Serialize;

/// What the newest lines of Central's log say about its database.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(tag = "state", rename_all = "camelCase")]
pub enum MigratorState {
    /// Nothing about the database yet.
    Starting,
    /// The database is copied, so that the upgrade can be taken back.
    Copying,
    /// Migrations run.
    Migrating {
        /// Sequence number it started at, when the log says so.
        from: Option<u32>,
        /// Sequence number it goes to, when the log says so.
        to: Option<u32>,
    },
    /// A newer version wrote the database; what is needed to run on it is done.
    RollingBack,
    /// There was nothing to migrate; Central has not accepted the database yet.
    Unchanged,
    /// The database is new and empty; Central has not accepted it yet.
    Fresh,
    /// The database is current: the migration succeeded, or there was none to do.
    Current,
    /// Central runs on a database that a newer version wrote: a rollback that works.
    RolledBack,
    /// Safe mode keeps the migrator, and Central, from the database; waiting does not help.
    Skipped {
        /// The line that says so.
        line: String,
    },
    /// Central refuses this database; waiting does not help.
    Refused {
        /// The line that says so.
        line: String,
    },
    /// The migration failed; waiting does not help.
    Failed {
        /// The line that says so.
        line: String,
    },
}

impl MigratorState {
    /// Whether waiting longer cannot help.
    #[must_use]
    pub const fn is_fatal(&self) -> bool {
        matches!(self, Self::Skipped { .. } | Self::Refused { .. } | Self::Failed { .. })
    }

    /// Whether the database is being changed.
    #[must_use]
    pub const fn is_at_work(&self) -> bool {
        matches!(self, Self::Copying | Self::Migrating { .. } | Self::RollingBack)
    }

    /// Whether Central has accepted its database.
    #[must_use]
    pub const fn is_ready(&self) -> bool {
        matches!(self, Self::Current | Self::RolledBack)
    }
}

/// Reads the log of one Central container since its start; the last telling line wins, because
/// a restarted container appends to what went before.
#[must_use]
pub fn read(log: &str) -> MigratorState {
    log.lines().fold(MigratorState::Starting, next)
}

fn next(state: MigratorState, line: &str) -> MigratorState {
    let has = |needle: &&str| line.contains(*needle);
    let refuses_backup = line.contains(RESTORING) && line.contains("is not supported");
    if refuses_backup || REFUSED.iter().any(has) {
        return MigratorState::Refused { line: line.trim().to_owned() };
    }
    if FAILED.iter().any(has) {
        // The refusal that caused it says more than "Migrator failed".
        return match state {
            MigratorState::Refused { .. } => state,
            _ => MigratorState::Failed { line: line.trim().to_owned() },
        };
    }
    if line.contains(CURRENT) {
        return MigratorState::Current;
    }
    if ROLLED_BACK.iter().any(has) {
        return MigratorState::RolledBack;
    }
    if line.contains(SAFE_MODE) {
        return MigratorState::Skipped { line: line.trim().to_owned() };
    }
    if ROLLING_BACK.iter().any(has) {
        return MigratorState::RollingBack;
    }
    if line.contains(CHOSEN) && state.is_at_work() {
        // That says no more than what is known.
        return state;
    }
    if STARTED.iter().any(has) {
        return MigratorState::Migrating { from: None, to: None };
    }
    if line.contains(COPYING) {
        return MigratorState::Copying;
    }
    if line.contains(UNCHANGED) {
        return MigratorState::Unchanged;
    }
    if FRESH.iter().any(has) {
        return MigratorState::Fresh;
    }
    if let Some(rest) = after(line, "Found DB at version ") {
        let to = after(rest, "we expect (").and_then(leading_number);
        return MigratorState::Migrating { from: leading_number(rest), to };
    }
    if let Some(rest) = after(line, "Successfully updated DB from version ") {
        let done = after(rest, " to ").and_then(leading_number);
        return match state {
            MigratorState::Migrating { to, .. } => MigratorState::Migrating { from: done, to },
            _ => MigratorState::Migrating { from: done, to: None },
        };
    }
    state
}

fn after<'a>(text: &'a str, needle: &str) -> Option<&'a str> {
    text.split_once(needle).map(|(_, rest)| rest)
}

fn leading_number(text: &str) -> Option<u32> {
    let end = text.find(|character: char| !character.is_ascii_digit()).unwrap_or(text.len());
    text[..end].parse().ok()
}

const CURRENT: &str = "Version found in the DB was current. We're good to go!";
const ROLLED_BACK: [&str; 1] = ["DB version higher than expected version, central can start"];
const SAFE_MODE: &str = "configuration has safe mode set. Skipping migrator";
const ROLLING_BACK: [&str; 2] = ["rollback to \"", "This means we are in a rollback."];
/// Which of the copies of the database is migrated: 3.73 and later.
const CHOSEN: &str = "Clone to Migrate";
const STARTED: [&str; 2] = ["Run migrator.run() with version:", CHOSEN];
/// Up to 4.9.
const COPYING: &str = "Central has space to create backup";
/// Up to 3.68 without the number.
const UNCHANGED: &str = "DB is up to date";
const FRESH: [&str; 2] = [
    "No version found in the DB. Assuming that this is a fresh install",
    "Sequence number of 0 means starting fresh",
];
/// Refused when it goes on with `is not supported`.
const RESTORING: &str = "Restoring from ";
const REFUSED: [&str; 7] = [
    "The backup bundle being restored is from an upgraded version of central",
    "Software downgrade is not supported.",
    "Database downgrade is not supported.",
    "Downgrade is not supported. No previous database",
    "Central force rollback is disabled",
    "from pre-4.0 releases are no longer supported",
    "no migration found starting at",
];
const FAILED: [&str; 5] = [
    "Migrator failed: ",
    "DB version check failed",
    "below expected version",
    "no DB version found",
    "invalid DB version found",
];

#[cfg(test)]
mod tests {
    use super::*;

    const START: &str = "Migrator: 2022/10/31 01:02:03: log.go:18: Info: Found DB at version 77, which is less than what we expect (94). Running migrations...";
    const DONE: &str = "version: 2022/10/31 01:02:09.189866 ensure.go:49: Info: Version found in the DB was current. We're good to go!";

    #[test]
    fn a_migration_is_followed_to_its_end() {
        assert_eq!(read(""), MigratorState::Starting);
        let migrating = MigratorState::Migrating { from: Some(77), to: Some(94) };
        assert_eq!(read(START), migrating);
        let step = "Migrator: Info: Successfully updated DB from version 77 to 80";
        assert_eq!(
            read(&format!("{START}\n{step}")),
            MigratorState::Migrating { from: Some(80), to: Some(94) }
        );
        assert_eq!(read(&format!("{START}\n{step}\n{DONE}")), MigratorState::Current);
    }

    #[test]
    fn the_newest_start_counts() {
        let failed = "Migrator failed: could not migrate";
        assert!(read(&format!("{START}\n{failed}")).is_fatal());
        assert_eq!(read(&format!("{START}\n{failed}\n{START}\n{DONE}")), MigratorState::Current);
        assert!(!read(&format!("{DONE}\n{START}")).is_ready());
    }

    #[test]
    fn a_refusal_is_kept_when_the_migrator_then_fails() {
        let refusal = "Software downgrade is not supported.  The software supports database version of 94 but the database requires 186";
        let log = format!("{refusal}\nMigrator failed: downgrade");
        assert_eq!(read(&log), MigratorState::Refused { line: refusal.to_owned() });
    }

    #[test]
    fn each_line_has_its_meaning() {
        let unnumbered = MigratorState::Migrating { from: None, to: None };
        let refused = |line: &str| MigratorState::Refused { line: line.to_owned() };
        let skipped = |line: &str| MigratorState::Skipped { line: line.to_owned() };
        let bundle = "The backup bundle being restored is from an upgraded version of central.";
        let restored = "Restoring from version \"3.74.9\" of the database is not supported";
        let safe = "configuration has safe mode set. Skipping migrator";
        for (line, state) in [
            ("Run migrator.run() with version: 3.74.9, DB sequence: 172", unnumbered.clone()),
            ("Clone to Migrate \"current\", \"central_active\"", unnumbered),
            ("Central has space to create backup for rollback", MigratorState::Copying),
            ("rollback to \"4.0.2\"", MigratorState::RollingBack),
            (
                "DB sequence number 225 is greater than the latest one we have (220). This means \
                 we are in a rollback.",
                MigratorState::RollingBack,
            ),
            ("DB is up to date at version 94. Nothing to do here.", MigratorState::Unchanged),
            ("DB is up to date. Nothing to do here.", MigratorState::Unchanged),
            (
                "No version found in the DB. Assuming that this is a fresh install...",
                MigratorState::Fresh,
            ),
            (
                "Sequence number of 0 means starting fresh, no migrations to execute",
                MigratorState::Fresh,
            ),
            (bundle, refused(bundle)),
            (restored, refused(restored)),
            ("Restoring from version \"4.10.0\"", MigratorState::Starting),
            (safe, skipped(safe)),
        ] {
            assert_eq!(read(line), state, "{line}");
            assert!(!read(line).is_ready(), "{line}");
            assert!(read(&format!("{line}\n{DONE}")).is_ready(), "{line}");
        }
    }

    #[test]
    fn safe_mode_is_not_waited_for_and_a_chosen_clone_says_nothing_new() {
        assert!(read("configuration has safe mode set. Skipping migrator").is_fatal());
        let chosen = "Clone to Migrate \"central_active\"";
        assert_eq!(read(&format!("{START}\n{chosen}")), read(START));
        assert_eq!(read(&format!("rollback to \"4.6.0\"\n{chosen}")), MigratorState::RollingBack);
        assert!(read(&format!("{DONE}\n{chosen}")).is_at_work());
    }

    #[test]
    fn a_rollback_that_works_is_told_apart() {
        let log = "DB version higher than expected version, central can start since it's backward compatible";
        assert_eq!(read(log), MigratorState::RolledBack);
        assert!(read(log).is_ready());
    }
}
