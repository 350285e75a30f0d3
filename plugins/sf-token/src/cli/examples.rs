//! The examples of every `--help`.

pub(super) const EXAMPLES: &str = "\
Examples:
  # What expires within a month, soonest first
  export SPLUNK_REALM=us1
  sf-token list --token-file admin-token --expiring-within 30d --sort expiry

  # A new secret, delivered to the collectors of two clusters; the old one works for 7 more days
  sf-token rotate myToken --graceful 7d --to-collector east/splunk --to-collector west/splunk

  # Without a session token at hand: log in for one command, and out again
  sf-token list --login ann@example.com

Exit codes:
  0   done, or nothing to do
  1   unexpected failure
  2   wrong usage
  3   blocked, or no such token: nothing changed
  4   a step failed
  5   not verified in time, or created otherwise than asked
  6   declined
  130 interrupted
`expiring` has those of monitoring: 0 ok, 1 warning, 2 critical, 3 unknown";

pub(super) const LIST: &str = "\
Examples:
  # The ingest tokens that expire next
  sf-token list --scope ingest --sort expiry

  # For a program; never with a secret
  sf-token list --status active -o json";

pub(super) const GET: &str = "\
Examples:
  sf-token get myToken
  sf-token get 'my token' -o yaml";

pub(super) const SHOW: &str = "\
Examples:
  # Into a variable: nothing else is on standard output
  TOKEN=$(sf-token show myToken)

  # Into the clipboard, not onto the screen
  sf-token show myToken --copy";

pub(super) const CREATE: &str = "\
Examples:
  # For collectors, for a year, seen by admins only
  sf-token create eu-clusters --scope ingest --expires-in 365d

  # For a script that reads, seen by a team as well
  sf-token create reports --scope api --role read_only --visible-to team:AbCdEfG";

pub(super) const UPDATE: &str = "\
Examples:
  # A longer life without a new secret
  sf-token update myToken --expires-in 90d

  # One more team may see it; whoever does now still may
  sf-token update myToken --grant team:AbCdEfG

  # At most 100 hosts, and a word at 90
  sf-token update myToken --limit hosts=100 --limit-alert hosts=90";

pub(super) const RENAME: &str = "\
Examples:
  sf-token rename myToken eu-clusters";

pub(super) const ENABLE: &str = "\
Examples:
  sf-token enable myToken";

pub(super) const DISABLE: &str = "\
Examples:
  sf-token disable myToken";

pub(super) const DELETE: &str = "\
Examples:
  # Asks for the name
  sf-token delete myToken

  # In a script
  sf-token delete myToken --yes";

pub(super) const EXPIRING: &str = "\
Examples:
  # As a check of a monitoring system: 0 ok, 1 warning, 2 critical, 3 unknown
  sf-token expiring --within 30d --fail-within 7d

  # For the text files of Prometheus' node exporter
  sf-token expiring -o prometheus > sf_token.prom";

pub(super) const VERIFY: &str = "\
Examples:
  # Ends with 3 when the secret is refused, or there is no such token
  sf-token verify myToken";

pub(super) const LOGIN: &str = "\
Examples:
  # Asks for the password
  sf-token login ann@example.com --output-file session
  sf-token list --token-file session
  sf-token logout --token-file session

  # In a script
  sf-token login ann@example.com --password-stdin --output-file session < password";

pub(super) const LOGOUT: &str = "\
Examples:
  sf-token logout --token-file session";

pub(super) const WHOAMI: &str = "\
Examples:
  sf-token whoami
  sf-token whoami -o json";
