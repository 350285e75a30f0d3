//! Where an organization lives: its realm, the domain, the addresses that follow from them.

use std::fmt;
use std::str::FromStr;

use common::web::Origin;

use super::token_name::without_brackets;

/// The realms that Splunk's own material names; others exist, so an unknown one is only warned of.
const KNOWN_REALMS: [&str; 9] = ["us0", "us1", "us2", "eu0", "eu1", "eu2", "au0", "jp0", "sg0"];

/// A realm, such as `us1`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Realm(String);

/// The domain below which a realm's hosts are found; both lead to the same organization.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, clap::ValueEnum)]
pub enum Domain {
    /// The one Splunk has moved to in March 2026.
    #[default]
    #[value(name = "observability.splunkcloud.com")]
    Splunkcloud,
    /// The one before, which goes on working.
    #[value(name = "signalfx.com")]
    Signalfx,
}

/// The addresses of one organization.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Place {
    /// The REST API's host.
    pub api: Origin,
    /// The host that takes data; none when the API's address does not tell it.
    pub ingest: Option<Origin>,
}

impl Realm {
    /// The realm's name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether Splunk's own material names it.
    #[must_use]
    pub fn is_known(&self) -> bool {
        KNOWN_REALMS.contains(&self.as_str())
    }

    /// The names of the known ones.
    #[must_use]
    pub fn known() -> &'static [&'static str] {
        &KNOWN_REALMS
    }
}

impl FromStr for Realm {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Some(inside) = without_brackets(text) {
            return Err(format!(
                "`{text}` is the placeholder of a guide: write a realm such as us1, without \
                 brackets{}",
                if inside.parse::<Self>().is_ok() {
                    format!(" (`{inside}`?)")
                } else {
                    String::new()
                }
            ));
        }
        if text.contains(['.', '/']) {
            return Err(format!(
                "`{text}` is an address; a realm is its part such as us1 (see --api-url)"
            ));
        }
        let realm = text.to_ascii_lowercase();
        let letters = realm.bytes().take_while(u8::is_ascii_lowercase).count();
        let digits = &realm[letters..];
        let fits = (2..=6).contains(&letters)
            && (1..=2).contains(&digits.len())
            && digits.bytes().all(|byte| byte.is_ascii_digit());
        if !fits {
            return Err(format!(
                "`{text}` is no realm: realms are letters and a number, such as us1 or eu0"
            ));
        }
        Ok(Self(realm))
    }
}

impl fmt::Display for Realm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Domain {
    /// The domain's name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Splunkcloud => "observability.splunkcloud.com",
            Self::Signalfx => "signalfx.com",
        }
    }

    /// The other one.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::Splunkcloud => Self::Signalfx,
            Self::Signalfx => Self::Splunkcloud,
        }
    }
}

impl fmt::Display for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Place {
    /// The addresses of `realm` below `domain`.
    #[must_use]
    pub fn of(realm: &Realm, domain: Domain) -> Self {
        let host = |service: &str| Origin {
            tls: true,
            host: format!("{service}.{realm}.{domain}"),
            port: 443,
        };
        Self { api: host("api"), ingest: Some(host("ingest")) }
    }

    /// The addresses for an API at `url`, which may end in `/v2`; that of the ingest host follows
    /// where the API's is Splunk's own.
    ///
    /// # Errors
    /// Says what is wrong with the address.
    pub fn at(url: &str) -> Result<Self, String> {
        if without_brackets(url).is_some() || url.contains(['<', '>', '{', '}']) {
            return Err(format!("`{url}` holds the placeholder of a guide: write the realm there"));
        }
        let (api, path) = Origin::parse(url)?;
        if !matches!(path.trim_matches('/'), "" | "v2") {
            return Err(format!(
                "`{url}` goes on after the host; the API's address is its beginning, such as \
                 https://api.us1.{}",
                Domain::default()
            ));
        }
        let ingest = api
            .host
            .strip_prefix("api.")
            .filter(|rest| is_below(rest, Domain::Splunkcloud) || is_below(rest, Domain::Signalfx))
            .map(|rest| Origin { host: format!("ingest.{rest}"), ..api.clone() });
        Ok(Self { api, ingest })
    }

    /// The realm that the API's host names, when it is one of Splunk's hosts.
    #[must_use]
    pub fn realm(&self) -> Option<Realm> {
        let rest = self.api.host.strip_prefix("api.")?;
        let (realm, domain) = rest.split_once('.')?;
        let known = [Domain::Splunkcloud, Domain::Signalfx];
        known.iter().any(|known| known.as_str() == domain).then(|| realm.parse().ok()).flatten()
    }

    /// The domain that the API's host is below of, when it is one of Splunk's.
    #[must_use]
    pub fn domain(&self) -> Option<Domain> {
        [Domain::Splunkcloud, Domain::Signalfx]
            .into_iter()
            .find(|domain| is_below(&self.api.host, *domain))
    }
}

fn is_below(host: &str, domain: Domain) -> bool {
    host == domain.as_str()
        || host.strip_suffix(domain.as_str()).is_some_and(|start| start.ends_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn realms_are_recognised_and_placeholders_told() {
        for (text, known) in [("us0", true), ("EU1", true), ("lab0", false), ("gov12", false)] {
            let realm: Realm = text.parse().unwrap();
            assert_eq!(realm.is_known(), known, "{text}");
        }
        for (text, words) in [
            ("", "no realm"),
            ("us", "no realm"),
            ("1us", "no realm"),
            ("us123", "no realm"),
            ("<REALM>", "placeholder"),
            ("{realm}", "placeholder"),
            ("<us1>", "`us1`?"),
            ("api.us1.signalfx.com", "--api-url"),
        ] {
            let message = text.parse::<Realm>().unwrap_err();
            assert!(message.contains(words), "{text}: {message}");
        }
    }

    #[test]
    fn both_domains_have_their_hosts() {
        let realm: Realm = "eu0".parse().unwrap();
        for (domain, api, ingest) in [
            (
                Domain::Splunkcloud,
                "https://api.eu0.observability.splunkcloud.com",
                "https://ingest.eu0.observability.splunkcloud.com",
            ),
            (Domain::Signalfx, "https://api.eu0.signalfx.com", "https://ingest.eu0.signalfx.com"),
        ] {
            let place = Place::of(&realm, domain);
            assert_eq!(place.api.to_string(), api);
            assert_eq!(place.ingest.as_ref().unwrap().to_string(), ingest);
            assert_eq!(Place::at(api).unwrap(), place);
            assert_eq!(Place::at(&format!("{api}/v2/")).unwrap(), place);
            assert_eq!(place.realm(), Some(realm.clone()));
            assert_eq!(place.domain(), Some(domain));
        }
    }

    #[test]
    fn an_address_of_ones_own_tells_no_ingest_host() {
        let place = Place::at("https://gateway.example.com:8443").unwrap();
        assert_eq!((place.ingest.clone(), place.realm(), place.domain()), (None, None, None));
        for url in
            ["https://api.<REALM>.signalfx.com", "https://api.us1.signalfx.com/v2/token", "x"]
        {
            assert!(Place::at(url).is_err(), "{url}");
        }
        assert_eq!(Place::at("https://api.signalfx.com").unwrap().realm(), None);
    }
}
