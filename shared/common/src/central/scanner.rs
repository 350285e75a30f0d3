//! The scanner bundle: what Central makes for a new scanner, as a zip archive.

use std::io::{Cursor, Read};

use http::Method;
use serde_json::json;
use zip::ZipArchive;

use super::client::{Ask, CentralClient};
use super::error::{CentralError, one_line};
use crate::rhacs::Platform;

const PATH: &str = "/api/extensions/scanner/zip";
/// The bundle is some hundred KiB; this is what is unpacked at most.
const LARGEST: u64 = 32 << 20;

/// One file of a bundle. It may hold a private key, so it does not show.
#[derive(Clone, Eq, PartialEq)]
pub struct BundleFile {
    /// Its path in the bundle, such as `scanner/02-scanner-03-tls-secret.yaml`.
    pub name: String,
    /// Its content.
    pub bytes: Vec<u8>,
}

impl std::fmt::Debug for BundleFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BundleFile")
            .field("name", &self.name)
            .field("bytes", &self.bytes.len())
            .finish()
    }
}

impl CentralClient {
    /// Has Central make a scanner bundle, with new certificates, and unpacks it.
    ///
    /// # Errors
    ///
    /// `Forbidden` without the permission to view Administration (ScannerBundle before 4.0), and
    /// `Decode` when it is no zip archive.
    pub async fn scanner_bundle(
        &self,
        platform: Platform,
    ) -> Result<Vec<BundleFile>, CentralError> {
        let cluster_type = match platform {
            Platform::Kubernetes => "KUBERNETES_CLUSTER",
            Platform::OpenShift => "OPENSHIFT_CLUSTER",
        };
        let body = json!({"clusterType": cluster_type});
        let ask = Ask { method: Method::POST, path: PATH, body: Some(&body), anonymous: false };
        unpack(&self.bytes(&ask).await?)
    }
}

fn unpack(bytes: &[u8]) -> Result<Vec<BundleFile>, CentralError> {
    let unreadable = |reason: String| CentralError::Decode { what: PATH.to_owned(), reason };
    let mut archive = ZipArchive::new(Cursor::new(bytes))
        .map_err(|error| unreadable(format!("{error}: {}", one_line(bytes))))?;
    let mut files = Vec::new();
    let mut left = LARGEST;
    for index in 0..archive.len() {
        let entry = archive.by_index(index).map_err(|error| unreadable(error.to_string()))?;
        if entry.is_dir() {
            continue;
        }
        let name = entry.name().map_err(|error| unreadable(error.to_string()))?.into_owned();
        let mut content = Vec::new();
        entry
            .take(left + 1)
            .read_to_end(&mut content)
            .map_err(|error| unreadable(format!("`{name}`: {error}")))?;
        left = left
            .checked_sub(content.len() as u64)
            .ok_or_else(|| unreadable("it is larger than a scanner bundle can be".to_owned()))?;
        files.push(BundleFile { name, bytes: content });
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use zip::ZipWriter;
    use zip::write::SimpleFileOptions;

    use super::*;

    #[test]
    fn a_bundle_is_unpacked_and_does_not_show() {
        let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
        writer.add_directory("scanner/", SimpleFileOptions::default()).unwrap();
        writer.start_file("scanner/tls.yaml", SimpleFileOptions::default()).unwrap();
        writer.write_all(b"canary").unwrap();
        let bytes = writer.finish().unwrap().into_inner();
        let files = unpack(&bytes).unwrap();
        assert_eq!(files.len(), 1);
        assert_eq!(
            (files[0].name.as_str(), files[0].bytes.as_slice()),
            ("scanner/tls.yaml", b"canary".as_slice())
        );
        assert!(!format!("{files:?}").contains("canary"));
    }

    #[test]
    fn a_page_instead_of_a_bundle_is_told() {
        let error = unpack(b"<html>log in</html>").unwrap_err().to_string();
        assert!(error.contains("log in"), "{error}");
    }
}
