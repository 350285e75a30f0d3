//! Why no plan of any kind can be made for an installation, and what to do instead.

use crate::exit::Exit;
use crate::failure::Failure;
use crate::rhacs::rules::component_of;
use crate::rhacs::{Component, Installation, ManagedPart, Snapshot, Version};

/// What makes an installation unfit for this suite. Nothing was changed.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Unfit {
    /// The namespace does not exist.
    #[error("namespace `{namespace}` does not exist")]
    NoNamespace {
        /// Its name.
        namespace: String,
    },
    /// The namespace has none of the product's Deployments.
    #[error(
        "there is no RHACS installation in namespace `{namespace}`: no deploy/central, deploy/scanner or deploy/sensor"
    )]
    NotInstalled {
        /// Its name.
        namespace: String,
    },
    /// A component that was asked for is not there.
    #[error("component `{component}` is not installed in namespace `{namespace}`")]
    ComponentMissing {
        /// The component.
        component: Component,
        /// The namespace.
        namespace: String,
    },
    /// The operator or Helm manages the installation.
    #[error("{}", managed(managers))]
    ManagedElsewhere {
        /// Who manages which parts.
        managers: Vec<(ManagedPart, Vec<Component>)>,
        /// The commands that do there what was asked for.
        commands: Vec<String>,
    },
}

impl Unfit {
    /// The failure a person sees, with the exit code and the next command.
    #[must_use]
    pub fn into_failure(self) -> Failure {
        let failure = Failure::new(self.exit(), self.to_string());
        match self {
            Self::NoNamespace { .. } | Self::NotInstalled { .. } => failure.hint(
                "name the namespace with -n; `kubectl get deploy -A -l app=central` finds it",
            ),
            Self::ComponentMissing { .. } => {
                failure.hint("leave --components out to take what is installed")
            }
            Self::ManagedElsewhere { commands, .. } => commands
                .into_iter()
                .fold(failure.because("its manager would undo changes made here"), Failure::hint),
        }
    }

    const fn exit(&self) -> Exit {
        match self {
            Self::ManagedElsewhere { .. } => Exit::NoPath,
            _ => Exit::Usage,
        }
    }
}

/// Whether there is anything to look at.
///
/// # Errors
/// When the namespace does not exist, or has none of the product's Deployments.
pub fn check_installed(snapshot: &Snapshot) -> Result<(), Unfit> {
    if !snapshot.namespace_exists {
        return Err(Unfit::NoNamespace { namespace: snapshot.namespace.clone() });
    }
    let installed = Component::ALL.into_iter().any(|component| is_installed(snapshot, component));
    if !installed {
        return Err(Unfit::NotInstalled { namespace: snapshot.namespace.clone() });
    }
    Ok(())
}

/// Refuses `components` of an installation that the operator or Helm manages.
///
/// # Errors
/// With the commands that upgrade it to `to` their way.
pub fn check_manifest(
    snapshot: &Snapshot,
    to: &Version,
    components: &[Component],
) -> Result<(), Unfit> {
    let own = |part: &ManagedPart, component| part.own_commands(&snapshot.namespace, component, to);
    check_managers(snapshot, components, own)
}

/// Refuses `components` of an installation that the operator or Helm manages.
///
/// # Errors
/// With the commands of their managers, which `own` has for a part.
pub fn check_managers(
    snapshot: &Snapshot,
    components: &[Component],
    own: impl Fn(&ManagedPart, Component) -> Vec<String>,
) -> Result<(), Unfit> {
    let installation = Installation::detect(snapshot);
    let mut managers: Vec<(ManagedPart, Vec<Component>)> = Vec::new();
    let mut commands: Vec<String> = Vec::new();
    for (part, managed) in installation.managers() {
        if !managed.iter().any(|component| components.contains(component)) {
            continue;
        }
        for command in managed.iter().flat_map(|component| own(part, *component)) {
            if !commands.contains(&command) {
                commands.push(command);
            }
        }
        managers.push((part.clone(), managed));
    }
    if managers.is_empty() {
        return Ok(());
    }
    let is_free =
        |it: &&Component| installation.part(**it).is_some() && !installation.is_managed(**it);
    let free = listed(Component::ALL.iter().filter(is_free), ",");
    if !free.is_empty() {
        commands.push(format!("what nobody manages: the same command with --components {free}"));
    }
    Err(Unfit::ManagedElsewhere { managers, commands })
}

/// The components that take part: those asked for, else all that are installed; in order.
///
/// # Errors
/// When one that was asked for is not installed.
pub fn choose_components(
    snapshot: &Snapshot,
    asked: &[Component],
) -> Result<Vec<Component>, Unfit> {
    let mut asked = asked.to_vec();
    asked.sort_unstable();
    asked.dedup();
    if let Some(missing) = asked.iter().find(|component| !is_installed(snapshot, **component)) {
        let namespace = snapshot.namespace.clone();
        return Err(Unfit::ComponentMissing { component: *missing, namespace });
    }
    if asked.is_empty() {
        asked = Component::ALL.into();
        asked.retain(|component| is_installed(snapshot, *component));
    }
    Ok(asked)
}

/// Whether a component is installed, be it in part.
#[must_use]
pub fn is_installed(snapshot: &Snapshot, component: Component) -> bool {
    snapshot.workloads().any(|workload| component_of(workload.name()) == Some(component))
}

/// `central, scanner: managed by Helm (release stackrox-central-services)`, one after the other.
fn managed(managers: &[(ManagedPart, Vec<Component>)]) -> String {
    let one = |(part, components): &(ManagedPart, Vec<Component>)| {
        format!("{}: managed by {}", listed(components, ", "), part.manager())
    };
    let all: Vec<String> = managers.iter().map(one).collect();
    all.join("; ")
}

fn listed<'a>(components: impl IntoIterator<Item = &'a Component>, separator: &str) -> String {
    let names: Vec<String> = components.into_iter().map(ToString::to_string).collect();
    names.join(separator)
}
