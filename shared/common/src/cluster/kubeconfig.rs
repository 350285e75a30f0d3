//! The kubeconfig that counts: which files, with paths made absolute and merged as kubectl does.

use std::ffi::OsStr;
use std::path::{MAIN_SEPARATOR, Path};

use kube::config::{Kubeconfig, KubeconfigError};
use secrecy::ExposeSecret;

use super::error::ClusterError;

/// Reads what `--kubeconfig`, `KUBECONFIG` or the default path name. As with kubectl, files of a
/// `KUBECONFIG` list may be missing; one that was named alone may not.
pub(super) fn read(flag: Option<&Path>) -> Result<Option<Kubeconfig>, ClusterError> {
    if let Some(path) = flag {
        return file(path).map(Some);
    }
    let Some(list) = std::env::var_os("KUBECONFIG").filter(|list| !list.is_empty()) else {
        let path = std::env::home_dir().map(|home| home.join(".kube").join("config"));
        let found = path.filter(|path| path.exists());
        return found.as_deref().map(file).transpose();
    };
    merged(&list)
}

/// The files of a list in one, where what comes first counts; none when none of them is there.
fn merged(list: &OsStr) -> Result<Option<Kubeconfig>, ClusterError> {
    let mut merged: Option<Kubeconfig> = None;
    for path in std::env::split_paths(list).filter(|path| path.exists()) {
        merged = Some(merge(merged, file(&path)?)?);
    }
    Ok(merged)
}

fn merge(known: Option<Kubeconfig>, next: Kubeconfig) -> Result<Kubeconfig, ClusterError> {
    let Some(known) = known else { return Ok(next) };
    known.merge(next).map_err(|error| match error {
        KubeconfigError::KindMismatch => wrong("the kubeconfig files are of different kinds"),
        KubeconfigError::ApiVersionMismatch => {
            wrong("the kubeconfig files are of different API versions")
        }
        _ => wrong("the kubeconfig files cannot be merged"),
    })
}

fn file(path: &Path) -> Result<Kubeconfig, ClusterError> {
    let shown = path.display();
    let bytes = std::fs::read(path)
        .map_err(|error| wrong(format!("cannot read the kubeconfig `{shown}`: {error}")))?;
    let not_one = || wrong(format!("the kubeconfig `{shown}` is not valid YAML of its kind"));
    let mut merged: Option<Kubeconfig> = None;
    for document in crate::kubeconfig::documents(&bytes).ok_or_else(not_one)? {
        // The reason may quote a value, and that may be a token.
        let mut config: Kubeconfig = serde_json::from_value(document).map_err(|_| not_one())?;
        resolve(&mut config, path.parent().unwrap_or_else(|| Path::new("")));
        merged = Some(merge(merged, config)?);
    }
    Ok(merged.unwrap_or_default())
}

/// Has every relative path start at the `directory` of the file it was read from, and every base64
/// without the line breaks that YAML allows and kubectl reads past.
fn resolve(config: &mut Kubeconfig, directory: &Path) {
    let unwrapped = |data: &mut Option<String>| {
        if let Some(text) = data.as_mut().filter(|text| text.contains(char::is_whitespace)) {
            text.retain(|c| !c.is_whitespace());
        }
    };
    let absolute = |path: &mut Option<String>| {
        let Some(text) = path.as_mut().filter(|text| !text.is_empty()) else { return };
        if let Some(joined) = directory.join(&*text).to_str() {
            *text = joined.to_owned();
        }
    };
    for cluster in config.clusters.iter_mut().filter_map(|named| named.cluster.as_mut()) {
        absolute(&mut cluster.certificate_authority);
        unwrapped(&mut cluster.certificate_authority_data);
    }
    for user in config.auth_infos.iter_mut().filter_map(|named| named.auth_info.as_mut()) {
        absolute(&mut user.client_certificate);
        unwrapped(&mut user.client_certificate_data);
        if let Some(key) = &user.client_key_data {
            let unwrapped: String =
                key.expose_secret().chars().filter(|c| !c.is_whitespace()).collect();
            user.client_key_data = Some(unwrapped.into());
        }
        absolute(&mut user.client_key);
        absolute(&mut user.token_file);
        // A bare name is looked for in `PATH`.
        let command = user.exec.as_mut().map(|exec| &mut exec.command);
        let has_path = |text: &&mut Option<String>| {
            text.as_ref().is_some_and(|text| text.contains(MAIN_SEPARATOR))
        };
        if let Some(command) = command.filter(has_path) {
            absolute(command);
        }
    }
}

fn wrong(message: impl Into<String>) -> ClusterError {
    ClusterError::Config { message: message.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: &str = r"
current-context: a
clusters:
- {name: one, cluster: {server: 'https://one', certificate-authority: pki/ca.pem}}
contexts:
- {name: a, context: {cluster: one, user: eve}}
users:
- {name: eve, user: {token: 4711, client-certificate: /pki/eve.pem, client-key: eve.key}}
";
    const SECOND: &str = r"
current-context: b
clusters:
- {name: one, cluster: {server: 'https://another'}}
- {name: two, cluster: {server: 'https://two', certificate-authority-data: ''}}
users:
- {name: adam, user: {tokenFile: token, exec: {command: bin/login, args: [7]}}}
- {name: bare, user: {exec: {command: login}}}
";

    fn files(texts: &[&str]) -> (tempfile::TempDir, Vec<std::path::PathBuf>) {
        let directory = tempfile::tempdir().unwrap();
        let write = |(index, text): (usize, &&str)| {
            let path = directory.path().join(index.to_string()).join("config");
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, text).unwrap();
            path
        };
        let paths = texts.iter().enumerate().map(write).collect();
        (directory, paths)
    }

    #[test]
    fn the_first_file_that_names_a_thing_counts() {
        let (_directory, mut paths) = files(&[FIRST, SECOND]);
        paths.insert(1, "/none/there".into());
        let config = merged(&std::env::join_paths(&paths).unwrap()).unwrap().unwrap();
        assert_eq!(config.current_context.as_deref(), Some("a"));
        let servers: Vec<_> = config
            .clusters
            .iter()
            .filter_map(|named| named.cluster.as_ref()?.server.as_deref())
            .collect();
        assert_eq!(servers, ["https://one", "https://two"]);
        let names: Vec<_> = config.auth_infos.iter().map(|named| named.name.as_str()).collect();
        assert_eq!(names, ["eve", "adam", "bare"]);
        assert!(merged(OsStr::new("/none/there")).unwrap().is_none());
    }

    #[test]
    fn relative_paths_start_at_their_own_file() {
        let (_directory, paths) = files(&[FIRST, SECOND]);
        let beside = |index: usize, name: &str| {
            paths[index].parent().unwrap().join(name).to_str().map(str::to_owned)
        };
        let config = merged(&std::env::join_paths(&paths).unwrap()).unwrap().unwrap();
        let authority = &config.clusters[0].cluster.as_ref().unwrap().certificate_authority;
        assert_eq!(*authority, beside(0, "pki/ca.pem"));
        let user = |index: usize| config.auth_infos[index].auth_info.as_ref().unwrap();
        assert_eq!(user(0).client_certificate.as_deref(), Some("/pki/eve.pem"));
        assert_eq!(user(0).client_key, beside(0, "eve.key"));
        assert_eq!(user(1).token_file, beside(1, "token"));
        assert_eq!(user(1).exec.as_ref().unwrap().command, beside(1, "bin/login"));
        assert_eq!(user(2).exec.as_ref().unwrap().command.as_deref(), Some("login"));
    }

    #[test]
    fn what_cannot_be_used_is_named_and_never_quoted() {
        let (_directory, paths) = files(&["users: [{name: eve, user: canary}]", "[canary", ""]);
        for path in &paths[..2] {
            let error = file(path).unwrap_err().to_string();
            assert!(error.ends_with("/config` is not valid YAML of its kind"), "{error}");
            assert!(!error.contains("canary"), "{error}");
        }
        assert!(file(&paths[2]).unwrap().contexts.is_empty());
        let error = file(Path::new("/none/there")).unwrap_err().to_string();
        assert!(error.starts_with("cannot read the kubeconfig `/none/there`: "), "{error}");
    }
}
