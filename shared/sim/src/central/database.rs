//! Central's database across releases: what a starting binary does to it, and what it writes about that.

use common::rhacs::Version;
use common::rhacs::sequence::accepts;

use super::release::{minimum, sequence};

/// What Central's database holds of its own history.
#[derive(Clone, Debug, PartialEq)]
pub struct Database {
    /// The release that ran on it last; absent when it is fresh.
    pub version: Option<Version>,
    /// Its sequence number.
    pub sequence: u32,
    /// The sequence number that a binary must know to run on it.
    pub minimum: u32,
    /// The copy made before the last upgrade.
    pub previous: Option<Box<Self>>,
}

/// What surrounds a start of the binary.
#[derive(Clone, Debug, Default)]
pub struct Surroundings {
    /// `maintenance.forceRollbackVersion` of the central-config, absent when `none`.
    pub force_rollback: Option<String>,
    /// `maintenance.safeMode` of the central-config.
    pub safe_mode: bool,
    /// A scripted failure of migrations.
    pub migration_fails: Option<String>,
    /// Whether the disk has no room for a copy of the database.
    pub disk_full: bool,
    /// Whether the PostgreSQL database of 4.x is there.
    pub postgres_ready: bool,
}

/// How a start of the binary ends.
#[derive(Clone, Debug, PartialEq)]
pub enum Ending {
    /// Central serves, after the migrations.
    Serves {
        /// Whether the database had to be migrated, which takes time.
        migrated: bool,
    },
    /// The process exits with 1.
    Exits,
    /// The process runs on, but serves nothing.
    Sleeps,
}

/// A start: how it ends, and the lines it writes, each `(module, file, text)`.
#[derive(Clone, Debug, PartialEq)]
pub struct Start {
    /// How it ends.
    pub ending: Ending,
    /// Log lines in order.
    pub lines: Vec<Line>,
}

/// One line of Central's log, still without its time.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// `Migrator`, `version`, `main`.
    pub module: &'static str,
    /// Source file and line as the product prints them, empty for none.
    pub place: &'static str,
    /// The text.
    pub text: String,
}

impl Database {
    /// The database of an installation that has run a release for long.
    #[must_use]
    pub fn of(version: &Version) -> Self {
        Self {
            version: Some(version.clone()),
            sequence: sequence(version),
            minimum: minimum(version),
            previous: None,
        }
    }

    /// A database on which nothing has run.
    #[must_use]
    pub const fn fresh() -> Self {
        Self { version: None, sequence: 0, minimum: 0, previous: None }
    }

    /// Starts a binary on it: changes the database as that binary does, and tells what happened.
    pub fn start(&mut self, binary: &Version, around: &Surroundings) -> Start {
        let mut log = Log { lines: Vec::new() };
        let ending = self.run(binary, around, &mut log);
        Start { ending, lines: log.lines }
    }

    fn run(&mut self, binary: &Version, around: &Surroundings, log: &mut Log) -> Ending {
        if around.safe_mode {
            log.migrator("configuration has safe mode set. Skipping migrator");
            return self.serve_unmigrated(binary, log);
        }
        if binary.is_at_least(3, 73) {
            log.migrator(format!(
                "Run migrator.run() with version: {}, DB sequence: {}",
                binary.tag(),
                sequence(binary)
            ));
        }
        if binary.is_at_least(4, 0) && !around.postgres_ready {
            return log.fails("unable to connect to the central database: connection refused");
        }
        let Some(last) = self.version.clone() else {
            log.fresh(binary);
            *self = Self::of(binary);
            return log.serves(binary, true);
        };
        if *binary < last {
            return self.roll_back(binary, &last, around, log);
        }
        if let Some(refusal) = self.gate(binary, &last) {
            return log.fails(&refusal);
        }
        self.go_forward(binary, around, log)
    }

    /// Releases that a migration must not skip.
    fn gate(&self, binary: &Version, last: &Version) -> Option<String> {
        if binary.is_at_least(4, 10) && self.sequence < 209 {
            return Some(format!("no migration found starting at {}", self.sequence));
        }
        (binary.is_at_least(4, 5) && !last.is_at_least(4, 0)).then(|| {
            "Effective release 4.5, upgrades (or restores) from pre-4.0 releases are no longer supported."
                .to_owned()
        })
    }

    fn go_forward(&mut self, binary: &Version, around: &Surroundings, log: &mut Log) -> Ending {
        let target = sequence(binary);
        let migrates = self.sequence < target;
        let knows_versions = binary.is_at_least(3, 69);
        if migrates {
            if knows_versions {
                log.migrator(format!(
                    "Found DB at version {}, which is less than what we expect ({target}). Running migrations...",
                    self.sequence
                ));
            }
            if let Some(message) = &around.migration_fails {
                return log.fails(message);
            }
            log.migrator(format!(
                "Successfully updated DB from version {} to {target}",
                self.sequence
            ));
        } else if knows_versions {
            log.migrator(format!(
                "DB is up to date at version {}. Nothing to do here.",
                self.sequence
            ));
        } else {
            log.migrator("DB is up to date. Nothing to do here.");
        }
        if self.version.as_ref() != Some(binary) {
            // From 4.10 on nothing is copied: the backup is the only way back to older data.
            let keeps_copy = !around.disk_full && !binary.is_at_least(4, 10);
            let before = Self { previous: None, ..self.clone() };
            *self = Self::of(binary);
            self.previous = keeps_copy.then(|| Box::new(before));
        }
        log.serves(binary, migrates)
    }

    fn roll_back(
        &mut self,
        binary: &Version,
        last: &Version,
        around: &Surroundings,
        log: &mut Log,
    ) -> Ending {
        let before_minimum = !binary.is_at_least(4, 1);
        if binary.is_at_least(4, 0) {
            log.migrator(format!("rollback to \"{}\"", binary.tag()));
        }
        if before_minimum {
            return self.restore_copy(binary, around, log);
        }
        let buggy = (binary.major(), binary.minor()) == (4, 1) && binary.patch() < 3;
        let knows = accepts(binary);
        if self.minimum > knows || (buggy && self.sequence > sequence(binary)) {
            let noun = if binary.is_at_least(4, 10) {
                "database migration version"
            } else {
                "database version"
            };
            return log.fails(&format!(
                "Software downgrade is not supported.  The software supports {noun} of {knows} but the database requires {} (last run by {})",
                self.minimum,
                last.tag()
            ));
        }
        if !binary.is_at_least(4, 2) && around.force_rollback.as_deref() != Some(&*binary.tag()) {
            return log.fails("Central force rollback is disabled.");
        }
        let target = sequence(binary);
        if self.sequence > target {
            log.migrator(format!(
                "DB sequence number {} is greater than the latest one we have ({target}). This means we are in a rollback.",
                self.sequence
            ));
        }
        self.version = Some(binary.clone());
        if binary.is_at_least(4, 11) && self.sequence > target {
            log.version(
                "DB version higher than expected version, central can start since it's backward compatible",
            );
            log.main(binary);
            return Ending::Serves { migrated: false };
        }
        self.sequence = target;
        log.serves(binary, false)
    }

    /// Up to 4.0 the way back is the copy made before the last upgrade, and only when it is asked for.
    fn restore_copy(&mut self, binary: &Version, around: &Surroundings, log: &mut Log) -> Ending {
        let asked = around.force_rollback.as_ref().and_then(|text| text.parse::<Version>().ok());
        if asked.as_ref() != Some(binary) {
            return log.fails("Central force rollback is disabled.");
        }
        match &self.previous {
            None => log.fails("Downgrade is not supported. No previous database for force rollback."),
            Some(copy) if copy.version.as_ref() != Some(binary) => log.fails(
                "Database downgrade is not supported. We can only rollback to the central version before last upgrade.",
            ),
            Some(copy) => {
                *self = (**copy).clone();
                log.serves(binary, false)
            }
        }
    }

    /// In safe mode old releases sleep; newer ones start when the database happens to suit them.
    fn serve_unmigrated(&self, binary: &Version, log: &mut Log) -> Ending {
        if !binary.is_at_least(4, 0) {
            return Ending::Sleeps;
        }
        let target = sequence(binary);
        if self.sequence >= target {
            return log.serves(binary, false);
        }
        let reason = if binary.is_at_least(4, 11) {
            format!("DB version {} below expected version {target}", self.sequence)
        } else {
            "invalid DB version found".to_owned()
        };
        log.push("main", "main.go:310", format!("DB version check failed: {reason}"));
        Ending::Exits
    }
}

struct Log {
    lines: Vec<Line>,
}

impl Log {
    fn push(&mut self, module: &'static str, place: &'static str, text: impl Into<String>) {
        self.lines.push(Line { module, place, text: text.into() });
    }

    fn migrator(&mut self, text: impl Into<String>) {
        self.push("Migrator", "log.go:18", text);
    }

    fn version(&mut self, text: &str) {
        self.push("version", "ensure.go:49", text);
    }

    fn main(&mut self, binary: &Version) {
        self.push("main", "main.go:100", format!("Running StackRox Version: {}", binary.tag()));
    }

    fn fresh(&mut self, binary: &Version) {
        if binary.is_at_least(4, 11) {
            self.migrator("Sequence number of 0 means starting fresh, no migrations to execute");
        } else {
            self.migrator("No version found in the DB. Assuming that this is a fresh install...");
        }
    }

    fn fails(&mut self, reason: &str) -> Ending {
        self.migrator(format!("Migrator failed: {reason}"));
        Ending::Exits
    }

    fn serves(&mut self, binary: &Version, migrated: bool) -> Ending {
        self.version("Version found in the DB was current. We're good to go!");
        self.main(binary);
        Ending::Serves { migrated }
    }
}

#[cfg(test)]
mod tests;
