//! How text looks on one stream: in colour or not, in Unicode or ASCII, how wide.

use anstyle::{AnsiColor, Style};

use crate::env::{Env, Os, OutputStream};

/// What a stream can show; renderers take it and return plain text.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Look {
    color: bool,
    unicode: bool,
    width: Option<usize>,
}

/// What a piece of text is, which decides its colour.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Role {
    /// It went well.
    Success,
    /// It went wrong.
    Error,
    /// Look at it.
    Warning,
    /// A command, a path or a code to copy.
    Literal,
    /// Less important than the rest.
    Muted,
    /// More important than the rest.
    Strong,
}

impl Look {
    /// No colour, no limit, Unicode: what a file gets.
    #[must_use]
    pub const fn plain() -> Self {
        Self { color: false, unicode: true, width: None }
    }

    /// What `stream` of `env` can show; `no_color` is the user's flag.
    ///
    /// Colour needs a terminal that is not dumb; `NO_COLOR` and `CLICOLOR=0` forbid it,
    /// `CLICOLOR_FORCE` asks for it anyway.
    #[must_use]
    pub fn of(env: &Env, stream: &OutputStream, no_color: bool) -> Self {
        let variable = |name: &str| env.variable(name);
        let forbidden = no_color
            || variable("NO_COLOR").is_some()
            || variable("TERM").is_some_and(|terminal| terminal == "dumb")
            || variable("CLICOLOR").is_some_and(|value| value == "0");
        let forced = variable("CLICOLOR_FORCE").is_some_and(|value| value != "0");
        Self {
            color: !forbidden && (stream.is_terminal() || forced),
            unicode: is_unicode(env),
            width: if stream.is_terminal() { env.width() } else { None },
        }
    }

    /// The same in Unicode or in ASCII.
    #[must_use]
    pub const fn with_unicode(mut self, unicode: bool) -> Self {
        self.unicode = unicode;
        self
    }

    /// The same on a terminal of `width` columns.
    #[must_use]
    pub const fn with_width(mut self, width: Option<usize>) -> Self {
        self.width = width;
        self
    }

    /// Whether there is colour.
    #[must_use]
    pub const fn has_color(self) -> bool {
        self.color
    }

    /// Whether characters beyond ASCII can be shown.
    #[must_use]
    pub const fn is_unicode(self) -> bool {
        self.unicode
    }

    /// Columns of the terminal; none when there is no terminal.
    #[must_use]
    pub const fn width(self) -> Option<usize> {
        self.width
    }

    /// `text` in the colour of `role`.
    #[must_use]
    pub fn paint(self, role: Role, text: &str) -> String {
        let text = self.text(text);
        if !self.color || text.is_empty() {
            return text;
        }
        let style = style_of(role);
        format!("{style}{text}{style:#}")
    }

    /// `text` made safe and showable: no control characters, which a log line or an object's name
    /// could use to fool the terminal; our own glyphs in ASCII where Unicode cannot be shown.
    #[must_use]
    pub fn text(self, text: &str) -> String {
        let stripped = anstream::adapter::strip_str(text);
        let mut shown = String::with_capacity(text.len());
        for part in stripped {
            for character in part.chars() {
                match ascii_of(character) {
                    Some(ascii) if !self.unicode => shown.push_str(ascii),
                    _ if character == '\n' => shown.push('\n'),
                    _ if character == '\t' => shown.push_str("  "),
                    _ if is_harmful(character) => {}
                    _ => shown.push(character),
                }
            }
        }
        shown
    }
}

/// Control characters, and those that reorder the text around them.
fn is_harmful(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{200e}' | '\u{200f}')
        || matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

const fn ascii_of(character: char) -> Option<&'static str> {
    match character {
        '→' => Some("->"),
        '✓' => Some("ok"),
        '✗' => Some("x"),
        '…' => Some("..."),
        '•' => Some("*"),
        '–' => Some("-"),
        '≥' => Some(">="),
        '≤' => Some("<="),
        _ => None,
    }
}

const fn style_of(role: Role) -> Style {
    match role {
        Role::Success => AnsiColor::Green.on_default(),
        Role::Error => AnsiColor::Red.on_default().bold(),
        Role::Warning => AnsiColor::Yellow.on_default(),
        Role::Literal => AnsiColor::Cyan.on_default(),
        Role::Muted => Style::new().dimmed(),
        Role::Strong => Style::new().bold(),
    }
}

/// Whether the locale is UTF-8. Windows and macOS do not depend on these variables.
fn is_unicode(env: &Env) -> bool {
    match ["LC_ALL", "LC_CTYPE", "LANG"].iter().find_map(|name| env.variable(name)) {
        Some(locale) => {
            let locale = locale.to_lowercase();
            locale.contains("utf-8") || locale.contains("utf8")
        }
        None => env.machine().os != Os::Linux,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look(variables: &[(&str, &str)], terminal: bool, no_color: bool) -> Look {
        let env = variables
            .iter()
            .fold(Env::test(), |env, (name, value)| env.with_variable(name, value))
            .with_terminal(terminal.then_some(80));
        Look::of(&env, env.stderr(), no_color)
    }

    #[test]
    fn colour_needs_a_willing_terminal() {
        assert!(look(&[("TERM", "xterm")], true, false).has_color());
        for (variables, terminal, flag) in [
            (&[("TERM", "xterm")][..], true, true),
            (&[("TERM", "xterm")], false, false),
            (&[("TERM", "dumb")], true, false),
            (&[("NO_COLOR", "1")], true, false),
            (&[("CLICOLOR", "0")], true, false),
            (&[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")], false, false),
        ] {
            assert!(!look(variables, terminal, flag).has_color(), "{variables:?}");
        }
        assert!(look(&[("CLICOLOR_FORCE", "1")], false, false).has_color());
    }

    #[test]
    fn the_locale_decides_about_unicode() {
        assert!(look(&[("LANG", "en_US.UTF-8")], true, false).is_unicode());
        assert!(!look(&[("LC_ALL", "C"), ("LANG", "en_US.UTF-8")], true, false).is_unicode());
        let ascii = look(&[], true, true);
        assert_eq!(ascii.paint(Role::Success, "✓ 1 → 2"), "ok 1 -> 2");
    }

    #[test]
    fn text_of_others_cannot_move_the_cursor() {
        let evil = "a\u{1b}[2Jb\u{1b}]0;title\u{7}c\rd\te\u{202e}f";
        assert_eq!(Look::plain().text(evil), "abcd  ef");
    }
}
