//! What a command without other data achieved, for programs: a small object on standard output.

use common::exit::Exit;
use common::failure::Failure;
use common::ui::Ui;
use serde::Serialize;

use crate::api::TokenName;

/// How far a command came.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Achieved {
    /// It did what it was asked to.
    Done,
    /// There was nothing to do.
    Nothing,
    /// It only looked, as asked.
    DryRun,
    /// A person said no.
    Declined,
}

/// The object.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Told {
    verb: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<String>,
    result: Achieved,
    exit: Exit,
    code: u8,
}

impl Told {
    /// About no token in particular.
    pub(super) const fn new(verb: &'static str, result: Achieved) -> Self {
        let exit = match result {
            Achieved::Declined => Exit::Declined,
            Achieved::Done | Achieved::Nothing | Achieved::DryRun => Exit::Done,
        };
        Self { verb, token: None, result, exit, code: exit.code() }
    }

    /// About the token `name`.
    pub(super) fn about(verb: &'static str, name: &TokenName, result: Achieved) -> Self {
        Self { token: Some(name.to_string()), ..Self::new(verb, result) }
    }

    /// Tells programs, and people in these words. Returns how the command ends.
    ///
    /// # Errors
    /// A standard output that cannot be written.
    pub(super) fn tell(&self, ui: &Ui, words: &str) -> Result<Exit, Failure> {
        ui.say(words);
        ui.print(self, |_, _| String::new())?;
        Ok(self.exit)
    }
}
