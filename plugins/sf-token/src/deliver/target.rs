//! Where in a cluster a secret goes, as `--to-secret` and `--to-collector` name it.

use std::fmt;
use std::str::FromStr;

/// A key of a Secret: `[context/]namespace/name[:key]`.
///
/// Names of contexts may hold slashes and colons (those of EKS and OpenShift do), so the text is
/// read from its end.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct SecretTarget {
    /// The kubeconfig context; none for the current one.
    pub context: Option<String>,
    /// The namespace.
    pub namespace: String,
    /// The name of the Secret.
    pub name: String,
    /// The key; none to choose it by what the Secret has.
    pub key: Option<String>,
}

/// The collectors of a namespace: `[context/]namespace`.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct CollectorTarget {
    /// The kubeconfig context; none for the current one.
    pub context: Option<String>,
    /// The namespace.
    pub namespace: String,
}

impl FromStr for SecretTarget {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong =
            || format!("`{text}` is not of the form [CONTEXT/]NAMESPACE/NAME[:KEY]{}", hint(text));
        let (rest, last) = text.rsplit_once('/').ok_or_else(wrong)?;
        let (name, key) = match last.split_once(':') {
            Some((name, key)) => (name, Some(key)),
            None => (last, None),
        };
        let (context, namespace) = split_context(rest);
        let fits = is_name(name, 253)
            && is_name(namespace, 63)
            && key.is_none_or(is_key)
            && context.is_none_or(|context| !context.is_empty());
        if !fits {
            return Err(wrong());
        }
        Ok(Self {
            context: context.map(str::to_owned),
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            key: key.map(str::to_owned),
        })
    }
}

impl FromStr for CollectorTarget {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (context, namespace) = split_context(text);
        if !is_name(namespace, 63) || context.is_some_and(str::is_empty) {
            return Err(format!("`{text}` is not of the form [CONTEXT/]NAMESPACE{}", hint(text)));
        }
        Ok(Self { context: context.map(str::to_owned), namespace: namespace.to_owned() })
    }
}

impl fmt::Display for SecretTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_context(f, self.context.as_deref())?;
        write!(f, "{}/{}", self.namespace, self.name)?;
        self.key.as_ref().map_or(Ok(()), |key| write!(f, ":{key}"))
    }
}

impl fmt::Display for CollectorTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_context(f, self.context.as_deref())?;
        f.write_str(&self.namespace)
    }
}

fn write_context(f: &mut fmt::Formatter<'_>, context: Option<&str>) -> fmt::Result {
    context.map_or(Ok(()), |context| write!(f, "{context}/"))
}

fn split_context(text: &str) -> (Option<&str>, &str) {
    match text.rsplit_once('/') {
        Some((context, namespace)) => (Some(context), namespace),
        None => (None, text),
    }
}

fn hint(text: &str) -> &'static str {
    if text.contains(['<', '>']) { "; leave out the angle brackets of the guide" } else { "" }
}

/// Whether it is a name as Kubernetes has them for namespaces and Secrets.
fn is_name(text: &str, longest: usize) -> bool {
    let fits = |byte: u8| {
        byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'.')
    };
    let edge = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    let bytes = text.as_bytes();
    bytes.len() <= longest
        && bytes.iter().copied().all(fits)
        && edge(bytes.first())
        && edge(bytes.last())
}

/// Whether it can be a key of a Secret's data.
fn is_key(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
    !text.is_empty() && text.len() <= 253 && text.bytes().all(fits) && text != "." && text != ".."
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_named_by_context_namespace_name_and_key() {
        for (text, context, namespace, name, key) in [
            ("monitoring/otel", None, "monitoring", "otel", None),
            ("prod/monitoring/otel:token", Some("prod"), "monitoring", "otel", Some("token")),
            (
                "arn:aws:eks:us-east-1:1:cluster/prod/monitoring/otel:a.b_c",
                Some("arn:aws:eks:us-east-1:1:cluster/prod"),
                "monitoring",
                "otel",
                Some("a.b_c"),
            ),
            (
                "default/api-x:6443/kube:admin/apm/my.secret",
                Some("default/api-x:6443/kube:admin"),
                "apm",
                "my.secret",
                None,
            ),
        ] {
            let target: SecretTarget = text.parse().unwrap();
            assert_eq!(target.context.as_deref(), context, "{text}");
            assert_eq!(target.namespace, namespace);
            assert_eq!(target.name, name);
            assert_eq!(target.key.as_deref(), key);
            assert_eq!(target.to_string(), text);
        }
        for text in ["", "otel", "/otel", "a/", "a/b:", "/a/b", "A/b", "a/b:c:d", "a/-b", "a/b c"] {
            assert!(text.parse::<SecretTarget>().is_err(), "{text}");
        }
    }

    #[test]
    fn collectors_are_named_by_context_and_namespace() {
        let target: CollectorTarget = "team/prod/monitoring".parse().unwrap();
        assert_eq!(target.context.as_deref(), Some("team/prod"));
        assert_eq!(target.namespace, "monitoring");
        assert_eq!(target.to_string(), "team/prod/monitoring");
        assert_eq!("monitoring".parse::<CollectorTarget>().unwrap().context, None);
        for text in ["", "/", "/monitoring", "a/", "Mon"] {
            assert!(text.parse::<CollectorTarget>().is_err(), "{text}");
        }
        let error = "<namespace>".parse::<CollectorTarget>().unwrap_err();
        assert!(error.contains("angle brackets"), "{error}");
    }
}
