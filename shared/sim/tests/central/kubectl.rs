//! The real kubectl on a whole simulation, on OpenShift objects of a real installation when they are there.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};
use sim::simulation::{Hosted, Simulation};

use crate::client::{ask_over, builder};
use crate::program::Kubectl;

/// A kubectl with a configuration of its own.
struct Client<'a> {
    simulation: &'a Hosted,
    kubectl: Kubectl,
    directory: tempfile::TempDir,
}

impl<'a> Client<'a> {
    fn new(simulation: &'a Hosted) -> Option<Self> {
        let kubectl = Kubectl::find()?;
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("config"), simulation.kubeconfig()).unwrap();
        Some(Self { simulation, kubectl, directory })
    }

    fn config(&self) -> PathBuf {
        self.directory.path().join("config")
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.kubectl.program);
        command.env("HOME", self.directory.path()).arg("--kubeconfig").arg(self.config());
        command.args(["-n", "stackrox"]).args(arguments);
        command
    }

    fn run(&self, arguments: &[&str]) -> String {
        let output = self.command(arguments).output().unwrap();
        let error = String::from_utf8_lossy(&output.stderr);
        let requests = self.simulation.requests().len();
        let version = &self.kubectl.version;
        assert!(output.status.success(), "{version} {arguments:?} after {requests}: {error}");
        String::from_utf8(output.stdout).unwrap()
    }
}

fn objects() -> Option<Vec<Value>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../../shared/manifests/3.0.62.1-openshift.yaml");
    let Ok(text) = std::fs::read_to_string(path) else {
        eprintln!("skipped: the manifests are not there");
        return None;
    };
    let documents: Vec<Value> = serde_saphyr::from_multiple(&text).unwrap();
    Some(documents.into_iter().filter(Value::is_object).collect())
}

#[test]
fn kubectl_upgrades_and_undoes_central() {
    let Some(objects) = objects() else { return };
    let simulation =
        Simulation::builder().objects(objects).openshift(true).start_blocking().unwrap();
    let Some(kubectl) = Client::new(&simulation) else { return };
    let central = ["deploy/central"];
    let new = "central=registry.redhat.io/advanced-cluster-security/rhacs-main-rhel8:3.69.2";
    kubectl.run(&["set", "image", central[0], new]);
    let status = kubectl.run(&["rollout", "status", central[0], "--timeout=30s"]);
    assert!(status.contains("successfully rolled out"), "{status}");
    assert_eq!(simulation.central().version().unwrap().tag(), "3.69.2");
    let logs = kubectl.run(&["logs", central[0], "-c", "central", "--tail=2"]);
    assert!(logs.contains("Version found in the DB was current. We're good to go!"), "{logs}");
    let history = kubectl.run(&["rollout", "history", central[0]]);
    assert!(history.contains("REVISION") && history.contains("\n2 "), "{history}");
    let pods = kubectl.run(&["get", "pods"]);
    assert!(pods.lines().skip(1).all(|line| line.contains("Running")), "{pods}");
    let events = kubectl.run(&["get", "events"]);
    assert!(events.contains("Scaled up replica set central-"), "{events}");

    kubectl.run(&["rollout", "restart", "ds/collector"]);
    let status = kubectl.run(&["rollout", "status", "ds/collector", "--timeout=30s"]);
    assert!(status.contains("successfully rolled out"), "{status}");
    let scc = kubectl.run(&[
        "get",
        "pod",
        "-l",
        "app=central",
        "-o",
        "jsonpath={.items[0].metadata.annotations.openshift\\.io/scc}",
    ]);
    assert_eq!(scc, "central");
}

/// A small installation with Central's Service, for what needs no real objects.
fn small() -> Hosted {
    let service = json!({
        "apiVersion": "v1", "kind": "Service",
        "metadata": {"name": "central", "namespace": "stackrox"},
        "spec": {"selector": {"app": "central"}, "ports": [{"port": 443, "targetPort": 8443}]},
    });
    builder("3.69.2").objects(vec![service]).start_blocking().unwrap()
}

#[test]
fn kubectl_forwards_ports_of_services_workloads_and_pods() {
    let simulation = small();
    let Some(client) = Client::new(&simulation) else { return };
    let pod = client.run(&["get", "pod", "-l", "app=central", "-o", "name"]);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    for (target, port) in
        [("svc/central", ":443"), ("deploy/central", ":8443"), (pod.trim(), ":8443")]
    {
        let forward = Forward::start(&client, target, port);
        // Each connection has streams of its own.
        for _ in 0..2 {
            let answer = runtime.block_on(async {
                let stream = tokio::net::TcpStream::connect(forward.address).await.unwrap();
                ask_over(&simulation, stream, "GET", "/v1/ping", None, "").await.unwrap()
            });
            assert_eq!(answer.json(), json!({"status": "ok"}), "through {target}");
        }
    }
}

#[test]
fn a_port_that_nobody_listens_on_is_reported() {
    let simulation = small();
    let Some(client) = Client::new(&simulation) else { return };
    let mut forward = Forward::start(&client, "deploy/central", ":81");
    let mut stream = std::net::TcpStream::connect(forward.address).unwrap();
    let mut nothing = Vec::new();
    // The connection ends without an answer, in one way or the other.
    let _ = stream.write_all(b"hello");
    let _ = stream.read_to_end(&mut nothing);
    assert!(nothing.is_empty(), "{nothing:?}");
    let said = forward.stop();
    assert!(said.contains("error forwarding port 81"), "{said}");
}

/// A running `kubectl port-forward`; it ends when this is dropped.
struct Forward {
    child: Child,
    address: SocketAddr,
}

impl Forward {
    fn start(client: &Client<'_>, target: &str, port: &str) -> Self {
        let mut command = client.command(&["port-forward", "--address=127.0.0.1", target, port]);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        let address = line.strip_prefix("Forwarding from ").and_then(|it| it.split(' ').next());
        let address = address.and_then(|it| it.parse().ok());
        let address = address.unwrap_or_else(|| panic!("{target}: {line}"));
        Self { child, address }
    }

    /// Ends it; what it said of errors.
    fn stop(&mut self) -> String {
        self.child.kill().unwrap();
        let mut said = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        said
    }
}

impl Drop for Forward {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn kubectl_creates_what_it_writes_in_protobuf() {
    let simulation = small();
    let Some(client) = Client::new(&simulation) else { return };
    for (line, expected) in [
        (
            "create deployment web --image=nginx --replicas=2 --port=80",
            "deployment.apps/web created",
        ),
        ("create job once --image=busybox -- true", "job.batch/once created"),
        ("create cronjob often --image=busybox --schedule=@daily", "cronjob.batch/often created"),
        ("create quota few --hard=pods=50,limits.cpu=4", "resourcequota/few created"),
        ("create ingress way --rule=a.example/=web:80", "ingress.networking.k8s.io/way created"),
        (
            "create pdb two --selector=app=web --min-available=1",
            "poddisruptionbudget.policy/two created",
        ),
        ("create priorityclass high --value=10", "priorityclass.scheduling.k8s.io/high created"),
        ("create service clusterip web --tcp=80:8080", "service/web created"),
        ("create configmap map --from-literal=a=b", "configmap/map created"),
        ("create secret generic key --from-literal=a=b", "secret/key created"),
        ("create serviceaccount robot", "serviceaccount/robot created"),
        (
            "create role reader --verb=get --resource=pods",
            "role.rbac.authorization.k8s.io/reader created",
        ),
        (
            "create rolebinding reads --role=reader --serviceaccount=stackrox:robot",
            "rolebinding.rbac.authorization.k8s.io/reads created",
        ),
        (
            "autoscale deploy/web --min=1 --max=3 --cpu-percent=50",
            "horizontalpodautoscaler.autoscaling/web autoscaled",
        ),
        (
            "wait --for=condition=Available deploy/web --timeout=30s",
            "deployment.apps/web condition met",
        ),
        ("expose deploy/web --name=other --port=81 --target-port=80", "service/other exposed"),
        ("run alone --image=busybox -- sleep 100", "pod/alone created"),
        ("wait --for=condition=Ready pod/alone --timeout=30s", "pod/alone condition met"),
        (
            "get deploy web -o jsonpath={.spec.replicas}/{.spec.template.spec.containers[0].image}",
            "2/nginx",
        ),
        (
            "get deploy web -o jsonpath={.spec.template.spec.containers[0].ports[0].containerPort}",
            "80",
        ),
        ("get quota few -o jsonpath={.spec.hard.pods}", "50"),
        ("get service web -o jsonpath={.spec.ports[0].targetPort}", "8080"),
        ("get hpa web -o jsonpath={.spec.minReplicas}-{.spec.maxReplicas}", "1-3"),
        (
            "get ingress way -o jsonpath={.spec.rules[0].http.paths[0].backend.service.port.number}",
            "80",
        ),
        ("get pod alone -o jsonpath={.spec.containers[0].args}", r#"["sleep","100"]"#),
        ("auth can-i get pods --as=system:serviceaccount:stackrox:robot", "yes"),
    ] {
        let words: Vec<&str> = line.split(' ').collect();
        assert_eq!(client.run(&words).trim(), expected, "{line}");
    }
    let slices = client.run(&["get", "endpointslices", "-l", "kubernetes.io/service-name=other"]);
    let row: Vec<&str> = slices.lines().nth(1).unwrap_or_default().split_whitespace().collect();
    assert_eq!(row[1..3], ["IPv4", "80"], "{slices}");
    assert_eq!(row[3].split(',').count(), 2, "{slices}");
}

#[test]
fn a_token_of_a_service_account_lets_it_in() {
    let simulation = small();
    let Some(client) = Client::new(&simulation) else { return };
    client.run(&["create", "serviceaccount", "robot"]);
    let token = client.run(&["create", "token", "robot"]);
    let output = client.command(&["get", "pods", "--token", token.trim()]).output().unwrap();
    let refused = String::from_utf8_lossy(&output.stderr);
    let robot = "User \"system:serviceaccount:stackrox:robot\" cannot list resource \"pods\"";
    assert!(refused.contains(robot), "{refused}");
}

#[test]
fn what_needs_a_process_is_refused_in_words() {
    let simulation = small();
    let Some(client) = Client::new(&simulation) else { return };
    for arguments in [
        &["exec", "deploy/central", "--", "ls"][..],
        &["attach", "deploy/central"],
        &["cp", "/etc/hostname", &format!("{}:/tmp/x", pod_of(&client))],
    ] {
        let output = client.command(arguments).output().unwrap();
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success(), "{arguments:?}");
        assert!(error.contains("have no processes"), "{arguments:?}: {error}");
    }
}

fn pod_of(client: &Client<'_>) -> String {
    let name = "jsonpath={.items[0].metadata.name}";
    client.run(&["get", "pod", "-l", "app=central", "-o", name])
}

#[test]
fn a_cordoned_node_is_emptied_and_gets_no_new_pods() {
    let simulation = small();
    let Some(client) = Client::new(&simulation) else { return };
    let drain =
        ["drain", "node-0", "--ignore-daemonsets", "--delete-emptydir-data", "--timeout=60s"];
    client.run(&drain);
    client.run(&["rollout", "status", "deploy/central", "--timeout=60s"]);
    client.run(&["rollout", "status", "deploy/sensor", "--timeout=60s"]);
    let nodes = "jsonpath={.items[*].spec.nodeName}";
    let on = client.run(&["get", "pods", "-l", "app in (central, sensor)", "-o", nodes]);
    assert!(on.contains("node-") && !on.contains("node-0"), "{on}");
    let on = client.run(&["get", "pods", "-l", "app=collector", "-o", nodes]);
    assert!(on.contains("node-0"), "{on}");
    client.run(&["uncordon", "node-0"]);
}

#[test]
fn a_pod_that_is_not_to_run_for_ever_ends() {
    let simulation = small();
    let Some(client) = Client::new(&simulation) else { return };
    client.run(&["run", "once", "--image=busybox", "--restart=Never", "--", "true"]);
    client.run(&["wait", "--for=jsonpath={.status.phase}=Succeeded", "pod/once", "--timeout=60s"]);
    let logs = client.run(&["logs", "-f", "once"]);
    assert!(logs.contains("starting busybox"), "{logs}");
    // To attach is not possible, but the end of the pod is seen all the same.
    let attached = client.run(&[
        "run",
        "seen",
        "--image=busybox",
        "--restart=Never",
        "--rm",
        "-i",
        "--",
        "true",
    ]);
    assert!(attached.contains("deleted"), "{attached}");
}

#[test]
fn a_debugging_pod_goes_to_the_node_it_names() {
    let simulation = small();
    let Some(client) = Client::new(&simulation) else { return };
    client.run(&["debug", "node/node-2", "--image=busybox"]);
    let names = client.run(&["get", "pods", "-o", "name"]);
    let pod = names.lines().find(|name| name.contains("node-debugger")).unwrap();
    assert_eq!(client.run(&["get", pod, "-o", "jsonpath={.spec.nodeName}"]), "node-2");
    let ephemeral = format!("pod/{}", pod_of(&client));
    client.run(&["debug", &ephemeral, "--image=busybox", "-c", "look"]);
    let running = "--for=jsonpath={.status.ephemeralContainerStatuses[0].name}=look";
    client.run(&["wait", running, &ephemeral, "--timeout=60s"]);
}
