//! `sf-token login`: a session token into a private file; one that cannot be kept is ended again.

use common::env::Env;
use common::exit::Exit;
use common::failure::Failure;
use common::fs::write_private;
use common::ui::{Output, Ui};
use secrecy::ExposeSecret;

use super::told::{Achieved, Told};
use super::view::shown_moment;
use crate::api::Client;
use crate::cli::{Cli, LoginArgs};
use crate::session::{self, Stop};

/// Begins a session and keeps its token where `args` say.
///
/// # Errors
/// Why there is no session, or why its token could not be kept.
pub async fn run(
    cli: &Cli,
    args: &LoginArgs,
    env: &Env,
    ui: &Ui,
    stop: &Stop,
) -> Result<Exit, Failure> {
    if cli.api.login.is_some() {
        return Err(Failure::usage("name the user once: `sf-token login EMAIL`, without --login"));
    }
    match &args.output_file {
        Some(file) => preflight(env, file)?,
        None if ui.output() != Output::Table => {
            return Err(Failure::usage(
                "`sf-token login --stdout` prints the session token alone; leave out `-o`",
            ));
        }
        None => {}
    }
    let (client, warnings) = session::client(&cli.api, env, ui)?;
    for warning in warnings {
        ui.warn(&warning);
    }
    let begun = session::log_in(&client, &cli.api, ui, &args.email, stop).await?;
    let secret = begun.credential.secret().expose_secret();
    let kept = match &args.output_file {
        Some(file) => {
            write_private(&env.resolve(file), format!("{secret}\n").as_bytes()).map_err(|error| {
                Failure::unexpected(format!("cannot write `{}`", file.display())).caused_by(&error)
            })
        }
        None => ui.data(&format!("{secret}\n")),
    };
    if let Err(failure) = kept {
        return Err(give_back(&client.with_credential(begun.credential), failure).await);
    }
    let now = env.now();
    let until = begun.expiry.map(|expiry| format!(" until {}", shown_moment(expiry, now)));
    let until = until.unwrap_or_default();
    let next = args.output_file.as_ref().map(|file| {
        format!(
            "; use it with --token-file {0}, end it with `sf-token logout --token-file {0}`",
            file.display()
        )
    });
    let words = format!("logged in as `{}`{until}{}", args.email, next.unwrap_or_default());
    Told::new("login", Achieved::Done).tell(ui, &words)
}

/// Whether the file can be written is found out before there is a session to lose.
fn preflight(env: &Env, file: &std::path::Path) -> Result<(), Failure> {
    common::fs::PartialFile::create(env.resolve(file)).map(drop).map_err(|error| {
        Failure::usage(format!("cannot write `{}`", file.display())).caused_by(&error)
    })
}

/// A session whose token is lost must not live for a month.
async fn give_back(client: &Client, failure: Failure) -> Failure {
    match client.log_out().await {
        Ok(_) => failure.hint("the session was ended again"),
        Err(error) => failure.hint(format!(
            "the session that was begun could not be ended ({error}); it ends by itself within 30 \
             days"
        )),
    }
}
