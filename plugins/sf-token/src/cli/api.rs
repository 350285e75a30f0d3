//! Where the organization lives and who asks, from flags and variables.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use common::cluster::parse_duration;
use common::env::Env;
use common::failure::Failure;
use common::web::{Origin, Trust};

use crate::api::{CREDENTIAL_VARIABLE, Credential, Domain, Place, Realm, Source};

/// The longest time for one request unless the user chose another.
const TIMEOUT: Duration = Duration::from_secs(30);

/// The flags about the API. Secrets come from files, standard input and variables only: arguments
/// are visible to every user of the computer.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "API options")]
pub struct ApiArgs {
    /// The organization's realm, such as us1 [env: SPLUNK_REALM, SFX_REALM]
    #[arg(long, value_name = "REALM")]
    pub realm: Option<Realm>,

    /// The domain of the realm's hosts [default: observability.splunkcloud.com]
    #[arg(long, value_enum, value_name = "DOMAIN")]
    pub domain: Option<Domain>,

    /// The API's address, instead of a realm [env: SFX_API_URL]
    #[arg(long, value_name = "URL", conflicts_with_all = ["realm", "domain"])]
    pub api_url: Option<String>,

    /// The address of the host that takes data, where it does not follow from the API's
    #[arg(long, value_name = "URL")]
    pub ingest_url: Option<String>,

    /// File with the session token of an admin, or - for standard input [the token itself: env
    /// SFX_AUTH_TOKEN]
    #[arg(long, value_name = "FILE")]
    pub token_file: Option<PathBuf>,

    /// Log in as this user for this command only; the password is asked for
    #[arg(long, value_name = "EMAIL", conflicts_with = "token_file")]
    pub login: Option<String>,

    /// Read the password of the login from standard input instead
    #[arg(long)]
    pub password_stdin: bool,

    /// The id of the organization to log in to, for users of several
    #[arg(long, value_name = "ID")]
    pub organization: Option<String>,

    /// File with the certificate of the authority to trust, instead of the computer's
    #[arg(long, value_name = "FILE")]
    pub ca: Option<PathBuf>,

    /// Longest time for one request, such as 30s or 2m [default: 30s]
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    pub request_timeout: Option<Duration>,

    /// Name every request on standard error
    #[arg(short, long)]
    pub verbose: bool,
}

impl ApiArgs {
    /// The longest time for one request.
    #[must_use]
    pub fn timeout(&self) -> Duration {
        self.request_timeout.filter(|limit| !limit.is_zero()).unwrap_or(TIMEOUT)
    }

    /// Where the organization lives, with what should be told about that.
    ///
    /// # Errors
    /// When neither flags nor variables tell, or they contradict each other. There is no default:
    /// the wrong realm looks like a wrong token.
    pub fn place(&self, env: &Env) -> Result<(Place, Vec<String>), Failure> {
        let mut warnings = Vec::new();
        let mut place = match (&self.api_url, &self.realm) {
            (Some(url), _) => Place::at(url).map_err(Failure::usage)?,
            (None, Some(realm)) => self.of_realm(realm),
            (None, None) => self.place_of_environment(env)?,
        };
        match place.realm() {
            Some(realm) if !realm.is_known() => warnings.push(format!(
                "`{realm}` is none of the realms that are known ({}); going on with it",
                Realm::known().join(", ")
            )),
            None if place.domain().is_some() => {
                warnings.push(format!("`{}` names no realm; Splunk takes that for us0", place.api))
            }
            _ => {}
        }
        if let Some(url) = &self.ingest_url {
            place.ingest = Some(ingest_origin(url).map_err(Failure::usage)?);
        }
        Ok((place, warnings))
    }

    fn of_realm(&self, realm: &Realm) -> Place {
        Place::of(realm, self.domain.unwrap_or_default())
    }

    fn place_of_environment(&self, env: &Env) -> Result<Place, Failure> {
        let realm = ["SPLUNK_REALM", "SFX_REALM"]
            .into_iter()
            .find_map(|name| Some((name, env.variable(name)?)));
        let realm = match realm {
            Some((name, value)) => {
                let parsed: Result<Realm, String> = value.trim().parse();
                Some(parsed.map_err(|message| Failure::usage(format!("{name}: {message}")))?)
            }
            None => None,
        };
        let url = env.variable("SFX_API_URL").filter(|_| self.domain.is_none());
        match (url, realm) {
            (Some(url), realm) => {
                let place = Place::at(url.trim())
                    .map_err(|message| Failure::usage(format!("SFX_API_URL: {message}")))?;
                match (place.realm(), realm) {
                    (Some(one), Some(other)) if one != other => Err(Failure::usage(format!(
                        "SFX_API_URL is about the realm `{one}`, the variable of the realm says \
                         `{other}`"
                    ))
                    .hint("say which with --realm, or unset one of the variables")),
                    _ => Ok(place),
                }
            }
            (None, Some(realm)) => Ok(self.of_realm(&realm)),
            (None, None) => {
                Err(Failure::usage("which realm? there is neither --realm nor --api-url")
                    .because("a wrong guess would look like a wrong token, so none is made")
                    .hint(
                        "the product shows it under Settings > your name > Organizations; then \
                       `--realm us1`, or SPLUNK_REALM=us1",
                    ))
            }
        }
    }

    /// Who asks; none when nothing names a credential.
    ///
    /// # Errors
    /// When the file cannot be read, or what it or the variable holds is no token.
    pub fn credential(&self, env: &Env) -> Result<Option<Credential>, Failure> {
        let (text, source) = match &self.token_file {
            Some(path) if path.as_os_str() == "-" => {
                let bytes = env.stdin().read_all().map_err(|error| {
                    Failure::usage("cannot read the token from standard input").caused_by(&error)
                })?;
                (text_of(bytes, "standard input")?, Source::Stdin)
            }
            Some(path) => {
                let shown = path.display().to_string();
                let bytes = std::fs::read(env.resolve(path)).map_err(|error| {
                    Failure::usage(format!("cannot read the token in `{shown}`")).caused_by(&error)
                })?;
                (text_of(bytes, &shown)?, Source::File(shown))
            }
            None => match env.variable(CREDENTIAL_VARIABLE).filter(|_| self.login.is_none()) {
                Some(text) => (text, Source::Variable(CREDENTIAL_VARIABLE)),
                None => return Ok(None),
            },
        };
        Credential::new(&text, source).map(Some).map_err(Failure::usage)
    }

    /// Whose certificates are trusted.
    ///
    /// # Errors
    /// When the file of `--ca` cannot be used.
    pub fn trust(&self, env: &Env) -> Result<Trust, Failure> {
        let Some(path) = &self.ca else { return Ok(Trust::computer()) };
        let wrong = || Failure::usage(format!("cannot use the authority in `{}`", path.display()));
        let pem = std::fs::read(env.resolve(path)).map_err(|error| wrong().caused_by(&error))?;
        Trust::authority(&pem).map_err(|reason| wrong().because(reason))
    }
}

/// The failure of a command that needs a credential and has none.
#[must_use]
pub fn no_credential(env: &Env) -> Failure {
    let failure = Failure::usage("there is no credential for the API").hint(
        "name a file with the session token of an admin: --token-file FILE (- for standard \
               input), put it into SFX_AUTH_TOKEN, or use --login EMAIL",
    );
    if env.variable("SPLUNK_ACCESS_TOKEN").is_none() {
        return failure;
    }
    failure.because(
        "SPLUNK_ACCESS_TOKEN is set, but not used: it is the collector's variable for a token that \
         sends data, and such a token cannot manage tokens",
    )
}

/// The probe's path is its own: one in the address would be lost without a word.
fn ingest_origin(url: &str) -> Result<Origin, String> {
    let (origin, path) = Origin::parse(url)?;
    match path.trim_matches('/') {
        "" | "v2" => Ok(origin),
        _ => Err(format!(
            "`{url}` goes on after the host; the address of the ingest host is its beginning, such \
             as https://ingest.us1.signalfx.com"
        )),
    }
}

fn text_of(bytes: Vec<u8>, place: &str) -> Result<String, Failure> {
    String::from_utf8(bytes)
        .map_err(|_| Failure::usage(format!("the token in `{place}` is no text")))
}
