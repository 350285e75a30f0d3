//! The one question a command asks.

use super::look::{Look, Role};
use crate::env::Env;
use crate::failure::Failure;

/// Asks `prompt` until the answer is yes or no; `e` prints what `explain` returns and asks again.
/// The end of the input is a no. An empty line asks again: nothing happens by a slip.
///
/// # Errors
/// A usage failure when standard input or standard error is no terminal.
pub(super) fn ask(
    env: &Env,
    look: Look,
    prompt: &str,
    explain: &dyn Fn() -> String,
) -> Result<bool, Failure> {
    if !env.stdin().is_terminal() || !env.stderr().is_terminal() {
        return Err(Failure::usage(format!("there is no terminal to ask `{prompt}` on"))
            .hint("pass --yes to go on without being asked, or --dry-run=client to only look"));
    }
    let question = format!("{} [y]es/[n]o/[e]xplain: ", look.paint(Role::Strong, prompt));
    loop {
        write(env, &question)?;
        let answer = env
            .stdin()
            .read_line()
            .map_err(|error| Failure::unexpected("cannot read the answer").caused_by(&error))?;
        let Some(answer) = answer else {
            write(env, "\n")?;
            return Ok(false);
        };
        match answer.trim().to_lowercase().as_str() {
            "y" | "yes" => return Ok(true),
            "n" | "no" => return Ok(false),
            "e" | "explain" => write(env, &format!("{}\n", explain().trim_end()))?,
            _ => write(env, "please answer y, n or e\n")?,
        }
    }
}

fn write(env: &Env, text: &str) -> Result<(), Failure> {
    env.stderr()
        .write(text)
        .map_err(|error| Failure::unexpected("cannot write the question").caused_by(&error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exit::Exit;

    fn answer(text: &str) -> (Result<bool, Failure>, String) {
        let env = Env::test().with_terminal(Some(80)).with_stdin(text);
        let answer = ask(&env, Look::plain(), "Proceed?", &|| "because".to_owned());
        (answer, env.stderr().captured())
    }

    #[test]
    fn only_a_clear_yes_is_yes() {
        for (text, expected) in [
            ("y\n", true),
            ("YES\n", true),
            ("no\n", false),
            ("\n\nyes\n", true),
            ("maybe\nn\n", false),
            ("", false),
            ("y es", false),
        ] {
            assert_eq!(answer(text).0.unwrap(), expected, "{text:?}");
        }
    }

    #[test]
    fn an_explanation_is_followed_by_the_question() {
        let (answer, shown) = answer("e\ny\n");
        assert!(answer.unwrap());
        let question = "Proceed? [y]es/[n]o/[e]xplain: ";
        assert_eq!(shown, format!("{question}because\n{question}"));
    }

    #[test]
    fn nobody_is_asked_without_a_terminal() {
        let env = Env::test().with_stdin("y\n");
        let failure =
            ask(&env, Look::plain(), "Proceed?", &String::new).expect_err("there is no terminal");
        assert_eq!(failure.exit(), Exit::Usage);
        assert!(failure.render().contains("--yes"));
        assert_eq!(env.stderr().captured(), "");
    }
}
