//! In which form the client wants the answer.

use crate::store::Status;

/// A form of an object or a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// The objects.
    Plain,
    /// A table for people.
    Table,
    /// The metadata only.
    Metadata,
}

/// How an answer is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub(crate) form: Form,
    pub(crate) yaml: bool,
}

/// The first form in an `Accept` header that the server can give.
///
/// # Errors
/// 406 if there is none.
pub(crate) fn wanted(header: Option<&str>) -> Result<Wanted, Status> {
    let header = header.unwrap_or("*/*");
    for choice in header.split(',') {
        let mut parts = choice.split(';').map(str::trim);
        let media = parts.next().unwrap_or_default();
        let mut form = Form::Plain;
        let mut known = true;
        for parameter in parts {
            match parameter.split_once('=') {
                Some(("as", "Table")) => form = Form::Table,
                Some(("as", "PartialObjectMetadata" | "PartialObjectMetadataList")) => {
                    form = Form::Metadata;
                }
                Some(("as", _)) => known = false,
                _ => {}
            }
        }
        let yaml = media == "application/yaml";
        if known && (yaml || matches!(media, "application/json" | "*/*" | "application/*" | "")) {
            return Ok(Wanted { form, yaml });
        }
    }
    let message = "only the following media types are accepted: application/json, application/yaml";
    Err(Status::new(406, "NotAcceptable", message))
}

/// The version of aggregated discovery the client prefers, if it takes any.
pub(crate) fn aggregated(header: Option<&str>) -> Option<&'static str> {
    header.unwrap_or_default().split(',').find_map(|choice| {
        let has = |part: &str| choice.split(';').any(|it| it.trim() == part);
        if !has("as=APIGroupDiscoveryList") || !has("g=apidiscovery.k8s.io") {
            return None;
        }
        ["v2", "v2beta1"].into_iter().find(|version| has(&format!("v={version}")))
    })
}

#[cfg(test)]
mod tests {
    use super::{Form, aggregated, wanted};

    #[test]
    fn the_first_form_that_can_be_given_is_given() {
        let table = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json";
        assert_eq!(wanted(Some(table)).unwrap().form, Form::Table);
        let protobuf = "application/vnd.kubernetes.protobuf,application/json";
        assert_eq!(wanted(Some(protobuf)).unwrap().form, Form::Plain);
        assert_eq!(wanted(Some("text/html")).unwrap_err().code, 406);
    }

    #[test]
    fn discovery_is_aggregated_for_those_who_ask() {
        let header = "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList";
        assert_eq!(aggregated(Some(header)), Some("v2beta1"));
        assert_eq!(aggregated(Some("application/json")), None);
    }
}
