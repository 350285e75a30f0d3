//! The API server as the tests see it: plain JSON over HTTP, independent of the code under test.

use http::{Method, Request};
use kube::Client;
use kube::config::{Config, KubeConfigOptions, Kubeconfig};
use serde_json::Value;

/// The media type of patches that the harness sends.
const MERGE_PATCH: &str = "application/merge-patch+json";

/// A client with all rights; cheap to clone.
#[derive(Clone)]
pub struct Api {
    client: Client,
}

/// Why a request was not done.
#[derive(Debug)]
pub struct Refusal {
    /// The HTTP status; 0 when there was no answer.
    pub code: u16,
    /// The server's words.
    pub message: String,
}

impl Api {
    /// The API server that a kubeconfig, in YAML, names.
    pub async fn connect(kubeconfig: &str) -> Self {
        let kubeconfig = Kubeconfig::from_yaml(kubeconfig).expect("a kubeconfig");
        let mut config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default())
            .await
            .expect("a usable kubeconfig");
        config.read_timeout = Some(std::time::Duration::from_secs(30));
        Self { client: Client::try_from(config).expect("a client") }
    }

    /// The object or list at a path.
    pub async fn get(&self, path: &str) -> Result<Value, Refusal> {
        self.send(Method::GET, path, "", None).await
    }

    /// The items of the list at a path.
    pub async fn list(&self, path: &str) -> Result<Vec<Value>, Refusal> {
        let mut list = self.get(path).await?;
        // Items of a list do not say what they are.
        let version = list["apiVersion"].clone();
        let kind = list["kind"].as_str().unwrap_or_default().trim_end_matches("List").to_owned();
        let items = list["items"].take();
        let items = items.as_array().cloned().unwrap_or_default();
        let named = items.into_iter().map(|mut item| {
            item["apiVersion"] = version.clone();
            item["kind"] = Value::from(kind.as_str());
            item
        });
        Ok(named.collect())
    }

    /// Creates an object in a collection, or posts to a subresource.
    pub async fn create(&self, path: &str, object: &Value) -> Result<Value, Refusal> {
        self.send(Method::POST, path, "application/json", Some(object)).await
    }

    /// Merges a patch into the object at a path.
    pub async fn merge(&self, path: &str, patch: &Value) -> Result<Value, Refusal> {
        self.send(Method::PATCH, path, MERGE_PATCH, Some(patch)).await
    }

    /// Deletes the object or the collection at a path, with these options.
    pub async fn delete(&self, path: &str, options: &Value) -> Result<Value, Refusal> {
        self.send(Method::DELETE, path, "application/json", Some(options)).await
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        media_type: &str,
        body: Option<&Value>,
    ) -> Result<Value, Refusal> {
        let mut request = Request::builder().method(method).uri(path);
        if body.is_some() {
            request = request.header(http::header::CONTENT_TYPE, media_type);
        }
        let body = body.map_or_else(Vec::new, |body| body.to_string().into_bytes());
        let request = request.body(body).expect("a request");
        self.client.request(request).await.map_err(|error| match error {
            kube::Error::Api(status) => {
                Refusal { code: status.code, message: status.message.clone() }
            }
            other => Refusal { code: 0, message: other.to_string() },
        })
    }
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{} ({})", self.message, self.code)
    }
}
