//! Questions that are not yes or no: a line, a secret, a name typed to confirm.

use secrecy::SecretString;

use super::look::{Look, Role};
use crate::env::Env;
use crate::failure::Failure;

/// Asks `prompt` and reads a line; none at the end of the input. `instead` says what a script does.
///
/// # Errors
/// A usage failure when standard input or standard error is no terminal.
pub(super) fn line(
    env: &Env,
    look: Look,
    prompt: &str,
    instead: &str,
) -> Result<Option<String>, Failure> {
    begin(env, look, prompt, instead)?;
    env.stdin().read_line().map_err(|error| unreadable(&error))
}

/// As [`line`], without showing what is typed.
///
/// # Errors
/// As [`line`], and when the terminal cannot be told not to show it.
pub(super) fn secret(
    env: &Env,
    look: Look,
    prompt: &str,
    instead: &str,
) -> Result<Option<SecretString>, Failure> {
    begin(env, look, prompt, instead)?;
    let line = env.stdin().read_hidden_line();
    // The line feed was not shown either.
    write(env, "\n")?;
    let line = line.map_err(|error| unreadable(&error).hint(instead.to_owned()))?;
    Ok(line.filter(|line| !line.is_empty()).map(SecretString::from))
}

/// The first line of standard input as a secret; none when it is empty.
///
/// # Errors
/// When it cannot be read.
pub(super) fn piped_secret(env: &Env) -> Result<Option<SecretString>, Failure> {
    let line = env.stdin().read_line().map_err(|error| unreadable(&error))?;
    Ok(line.filter(|line| !line.is_empty()).map(SecretString::from))
}

fn begin(env: &Env, look: Look, prompt: &str, instead: &str) -> Result<(), Failure> {
    if !env.stdin().is_terminal() || !env.stderr().is_terminal() {
        let prompt = prompt.trim_end().trim_end_matches([':', '?']);
        return Err(Failure::usage(format!("there is no terminal to ask `{prompt}` on"))
            .hint(instead.to_owned()));
    }
    write(env, &look.paint(Role::Strong, prompt))
}

fn write(env: &Env, text: &str) -> Result<(), Failure> {
    env.stderr()
        .write(text)
        .map_err(|error| Failure::unexpected("cannot write the question").caused_by(&error))
}

fn unreadable(error: &std::io::Error) -> Failure {
    Failure::unexpected("cannot read the answer").caused_by(error)
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;
    use crate::exit::Exit;

    #[test]
    fn a_line_and_a_secret_are_asked_for_on_a_terminal_only() {
        let env = Env::test().with_terminal(Some(80)).with_stdin("one\ncanary\n");
        assert_eq!(line(&env, Look::plain(), "Which? ", "x").unwrap().as_deref(), Some("one"));
        let secret = secret(&env, Look::plain(), "Password: ", "x").unwrap().unwrap();
        assert_eq!(secret.expose_secret(), "canary");
        assert_eq!(env.stderr().captured(), "Which? Password: \n");
        let piped = Env::test().with_stdin("canary\n");
        let failure = line(&piped, Look::plain(), "Which? ", "pass --which").unwrap_err();
        assert_eq!(failure.exit(), Exit::Usage);
        assert!(failure.render().contains("`Which`") && failure.render().contains("--which"));
        assert_eq!(piped_secret(&piped).unwrap().unwrap().expose_secret(), "canary");
    }
}
