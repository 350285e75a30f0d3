//! Where the Central of a secured cluster is that has none itself: its sensor says so.

use super::Snapshot;

/// The Central that a sensor speaks to.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Elsewhere {
    /// Its address, as the sensor has it.
    pub endpoint: String,
    /// The namespace it is in, when the address is that of a Service of the same cluster.
    pub namespace: Option<String>,
}

/// The Central elsewhere that the sensor of `snapshot` names; none when there is a Central here, or
/// no sensor that names one.
#[must_use]
pub fn central_elsewhere(snapshot: &Snapshot) -> Option<Elsewhere> {
    if snapshot.deployment("central").is_some() {
        return None;
    }
    let sensor = snapshot.deployment("sensor")?;
    let endpoint = sensor.container("sensor")?.env("ROX_CENTRAL_ENDPOINT")?["value"].as_str()?;
    let namespace = service_namespace(endpoint);
    Some(Elsewhere { endpoint: endpoint.to_owned(), namespace: namespace.map(str::to_owned) })
}

/// The namespace of an address that is a Service's name: `central.NAMESPACE`, perhaps with `.svc` and the cluster's
/// domain behind it.
#[must_use]
pub fn service_namespace(endpoint: &str) -> Option<&str> {
    let host = endpoint.split_once("://").map_or(endpoint, |(_, rest)| rest);
    let host = host.rsplit_once(':').map_or(host, |(host, _)| host);
    let mut labels = host.split('.');
    labels.next().filter(|service| !service.is_empty())?;
    let namespace = labels.next().filter(|namespace| !namespace.is_empty())?;
    let is_service = match labels.next() {
        None => namespace.parse::<u8>().is_err(),
        Some(label) => label == "svc",
    };
    is_service.then_some(namespace)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_service_tells_its_namespace_and_a_host_does_not() {
        for (endpoint, namespace) in [
            ("central.stackrox:443", Some("stackrox")),
            ("central.acs.svc:443", Some("acs")),
            ("https://central.acs.svc.cluster.local:443", Some("acs")),
            ("wss://central.acs.svc:443", Some("acs")),
            ("central.example.com:443", None),
            ("central:443", None),
            ("10.0.0.1:443", None),
            (".acs:443", None),
        ] {
            assert_eq!(service_namespace(endpoint), namespace, "{endpoint}");
        }
    }

    #[test]
    fn the_sensor_tells_only_where_no_central_is() {
        let workload = |name: &str, env: serde_json::Value| {
            json!({"kind": "Deployment", "metadata": {"name": name, "namespace": "stackrox"},
                "spec": {"template": {"spec": {"containers": [{"name": name, "env": env}]}}}})
        };
        let env = json!([{"name": "ROX_CENTRAL_ENDPOINT", "value": "central.example.com:443"}]);
        let mut snapshot =
            Snapshot { objects: vec![workload("sensor", env)], ..Snapshot::default() };
        let elsewhere = central_elsewhere(&snapshot).unwrap();
        assert_eq!(elsewhere.endpoint, "central.example.com:443");
        assert_eq!(elsewhere.namespace, None);
        snapshot.objects.push(workload("central", json!([])));
        assert_eq!(central_elsewhere(&snapshot), None);
    }
}
