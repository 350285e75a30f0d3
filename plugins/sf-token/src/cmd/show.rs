//! `sf-token show`: a token's secret alone, for whoever asks for it.

use std::io::Write;
use std::process::{Child, Command, Stdio};

use common::env::{Env, Os};
use common::exit::Exit;
use common::failure::Failure;
use common::ui::Output;
use secrecy::{ExposeSecret, SecretString};

use super::view;
use crate::cli::ShowArgs;
use crate::session::Session;

/// Prints the secret of the token, or puts it into the clipboard.
///
/// # Errors
/// Why it cannot be read, or where it cannot be put.
pub async fn run(session: &Session, args: &ShowArgs) -> Result<Exit, Failure> {
    if session.ui.output() != Output::Table {
        return Err(Failure::usage("`sf-token show` prints the secret alone; leave out `-o`")
            .hint("`sf-token get NAME -o json` prints the rest"));
    }
    let token = view::read(&session.client, &args.name).await?;
    let now = session.env.now();
    let Some(secret) = token.secret.as_ref() else {
        return Err(Failure::unexpected(format!(
            "the API does not tell the secret of `{}` to this credential",
            args.name
        ))
        .hint("an admin sees it, and whoever the token is visible to"));
    };
    match token.status(now) {
        crate::api::Status::Active => {}
        status => session.ui.warn(&format!("the token `{}` is {status}", args.name)),
    }
    if args.copy {
        let tool = copy(&session.env, secret)?;
        session.ui.say(&format!("the secret of `{}` is in the clipboard (by {tool})", args.name));
        return Ok(Exit::Done);
    }
    session.ui.data(&format!("{}\n", secret.expose_secret()))?;
    Ok(Exit::Done)
}

/// A program that puts its standard input into the clipboard.
type Tool = (&'static str, &'static [&'static str]);

const WAYLAND: Tool = ("wl-copy", &[]);
const X11: [Tool; 2] = [("xclip", &["-selection", "clipboard"]), ("xsel", &["-ib"])];
const WSL: Tool = ("clip.exe", &[]);

/// The tools worth trying here, the likeliest first.
fn tools(env: &Env) -> Vec<Tool> {
    match env.machine().os {
        Os::MacOs => vec![("pbcopy", &[])],
        Os::Windows => vec![("clip", &[])],
        Os::Linux => {
            let has = |name: &str| env.variable(name).is_some();
            let mut tools = Vec::new();
            tools.extend(has("WAYLAND_DISPLAY").then_some(WAYLAND));
            tools.extend(X11.iter().copied().filter(|_| has("DISPLAY")));
            tools.extend(has("WSL_DISTRO_NAME").then_some(WSL));
            tools
        }
    }
}

/// Puts `secret` into the clipboard and says which tool did it.
fn copy(env: &Env, secret: &SecretString) -> Result<&'static str, Failure> {
    let tools = tools(env);
    for (name, arguments) in &tools {
        let child = Command::new(name)
            .args(*arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        let Ok(child) = child else { continue };
        return feed(child, secret)
            .map(|()| *name)
            .map_err(|error| Failure::unexpected(format!("{name} failed")).caused_by(&error));
    }
    let names: Vec<&str> = tools.iter().map(|(name, _)| *name).collect();
    let reason = match names.as_slice() {
        [] => "there is no display to have one".to_owned(),
        names => format!("none of {} is installed", names.join(", ")),
    };
    Err(Failure::usage("there is no clipboard")
        .because(reason)
        .hint("without --copy the secret is printed on standard output"))
}

fn feed(mut child: Child, secret: &SecretString) -> std::io::Result<()> {
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(secret.expose_secret().as_bytes())?;
    }
    let status = child.wait()?;
    if status.success() { Ok(()) } else { Err(std::io::Error::other(status.to_string())) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clipboard_needs_a_display() {
        let failure = copy(&Env::test(), &SecretString::from("canary")).unwrap_err();
        assert_eq!(failure.exit(), Exit::Usage);
        assert!(!failure.render().contains("canary"));
        let names = |env: &Env| tools(env).iter().map(|(name, _)| *name).collect::<Vec<_>>();
        let both = Env::test().with_variable("DISPLAY", ":0").with_variable("WAYLAND_DISPLAY", "w");
        assert_eq!(names(&both), ["wl-copy", "xclip", "xsel"]);
    }
}
