//! `kubectl rhacs help [WORD…]` of the front door's own words; other programs help themselves.

use common::exit::Exit;
use common::failure::Failure;
use common::ui::Ui;

use crate::cli;
use crate::siblings::unknown_word;

/// Prints the help of the front door, or of one of its words.
///
/// # Errors
/// A word that is not there.
pub fn run(ui: &Ui, words: &[String]) -> Result<Exit, Failure> {
    let mut command = cli::command();
    command.build();
    let mut found = &mut command;
    for word in words {
        found = found.find_subcommand_mut(word).ok_or_else(|| unknown_word(word))?;
    }
    let text = found.render_long_help().to_string();
    ui.data(&text).map(|()| Exit::Done)
}
