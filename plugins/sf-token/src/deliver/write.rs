//! Writing a key of a Secret, guarded against everybody else who writes it.

use common::cluster::{ClusterError, WriteOptions};
use common::plan::PatchKind;
use secrecy::SecretString;

use super::secret::{KeyState, Record, key_state, write_patch};
use super::site::Site;

/// How often a write is made anew because something else of the Secret changed.
const TRIES: u32 = 5;

/// Gives the key of `site` the value, unless it has it already. Returns the key afterwards, and
/// whether it was written now.
///
/// # Errors
/// Why the key does not have the value, a fragment without any secret.
pub async fn write(
    site: &Site,
    known: &KeyState,
    value: &SecretString,
    record: &Record,
) -> Result<(KeyState, bool), String> {
    let mut state = known.clone();
    for _ in 0..TRIES {
        if state.holds(value) {
            return Ok((state, false));
        }
        let patch = write_patch(&state, &site.key, value, Some(record));
        let options = WriteOptions::default();
        let error = match site.cluster.patch(&site.secret, PatchKind::Merge, &patch, &options).await
        {
            Ok(object) => return Ok((key_state(&object, &site.key), true)),
            Err(error) => error,
        };
        let is_conflict = matches!(error, ClusterError::Conflict { .. });
        if !is_conflict && !error.is_transient() {
            return Err(error.to_string());
        }
        // Whether the write arrived, only the object tells.
        let now = match site.cluster.read(&site.secret).await {
            Ok(Some(object)) => key_state(&object, &site.key),
            Ok(None) => return Err("the Secret was deleted meanwhile".to_owned()),
            Err(_) => return Err(error.to_string()),
        };
        if now.holds(value) {
            return Ok((now, true));
        }
        if !is_same(&now, known) {
            return Err("somebody else wrote another value to the key meanwhile".to_owned());
        }
        if !is_conflict {
            return Err(error.to_string());
        }
        state = now;
    }
    Err("the Secret changes all the time: no write went through".to_owned())
}

fn is_same(now: &KeyState, before: &KeyState) -> bool {
    match &before.value {
        Some(value) => now.holds(value),
        None => now.value.is_none(),
    }
}
