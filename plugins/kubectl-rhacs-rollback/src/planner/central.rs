//! Central's own way back: from a revision, by its image, and past the lock on its database.

use common::plan::{Before, Change, PatchKind, Write};
use common::rhacs::central_config::{KEY, NONE, forced_version, with_forced_version};
use common::rhacs::images::{Image, ImageOptions};
use common::rhacs::way_back::{Barrier, Manner, way_back};
use common::rhacs::{Component, ObjectRef, Version};
use common::run::{Restoration, restoration};
use serde_json::{Value, json};

use super::Request;
use super::difference::differences;
use super::findings::Told;
use super::records::going_back;
use super::refusal::Refusal;
use super::revision::{self, Revision};
use super::steps::{Part, Phase};
use super::view::{Started, View};

/// How long Central may take: an old one may have to open a large database.
const PATIENCE: u64 = 1800;

/// The ConfigMap that Central reads at its start.
pub(super) fn config_of(namespace: &str) -> ObjectRef {
    ObjectRef::namespaced("v1", "ConfigMap", namespace, "central-config")
}

/// Central with the template of `revision`; none when it has that template.
pub(super) fn revision_part(view: View<'_>, chosen: &Revision) -> Result<Option<Part>, Refusal> {
    let object = ObjectRef::deployment(view.snapshot.namespace.as_str(), "central");
    let now = view.now(&object).ok_or(Refusal::NoRevision)?;
    let manifest = revision::manifest(now, chosen);
    if restoration(&manifest, Some(now)) == Restoration::Nothing {
        return Ok(None);
    }
    let source = format!("revision {}", revision::line(chosen));
    let change = Change {
        rule: "restore-revision".to_owned(),
        object: Some(object.clone()),
        what: going_back(&differences(&manifest, now)),
        why: "no run is recorded that knows more of what was before".to_owned(),
        source,
    };
    let before = Before::Manifest { manifest };
    Ok(Some(part(
        "central",
        format!("Put {object} back to revision {}", chosen.number),
        Write::Restore { object, before },
        change,
    )))
}

/// Central with the image of `to`; none when it has that image.
pub(super) fn image_part(
    view: View<'_>,
    to: &Version,
    images: &ImageOptions,
) -> Result<Option<Part>, Refusal> {
    let object = ObjectRef::deployment(view.snapshot.namespace.as_str(), "central");
    let central = view.snapshot.deployment("central").ok_or(Refusal::NoRevision)?;
    let container = central.container("central").ok_or(Refusal::VersionUnknown)?;
    let present = Image::classify(container.image()).ok_or(Refusal::VersionUnknown)?;
    let kept = view.ground.revisions.iter().find(|revision| revision.version.as_ref() == Some(to));
    let image = match kept {
        // The very reference that ran then, whatever registry it came from.
        Some(revision) if images.registry.is_none() && images.overrides.is_empty() => {
            revision.image.clone()
        }
        _ => {
            let running = view.snapshot.central.version.clone();
            present.at(to, &ImageOptions { running, ..images.clone() })?
        }
    };
    if image == container.image() {
        return Ok(None);
    }
    let change = Change {
        rule: "image".to_owned(),
        object: Some(object.clone()),
        what: format!("containers[central].image {} → {image}", container.image()),
        why: "the release is in its image".to_owned(),
        source: "product guide: forced rollback of Central".to_owned(),
    };
    let body = json!({"spec": {"template": {"spec": {"containers": [
        {"name": "central", "image": image}]}}}});
    let title = format!("Put the image of {object} back to {to}");
    let write = Write::Patch { object, patch: PatchKind::Strategic, body };
    Ok(Some(part("central", title, write, change)))
}

/// Adds to `parts` what makes Central accept its database on the older version, when that is
/// needed; refuses when nothing would.
pub(super) fn lead_back(
    view: View<'_>,
    request: &Request,
    (from, to): (&Version, &Version),
    parts: &mut Vec<Part>,
    told: &mut Told,
) -> Result<(), Refusal> {
    if to > from {
        told.forward = true;
        return match request.force {
            Some(_) => Err(Refusal::NotLower { from: from.clone(), to: to.clone() }),
            None => Ok(()),
        };
    }
    let manner = if from == to {
        // Central has the image already, and refuses its database.
        if to.is_at_least(4, 2) { Manner::Live } else { Manner::Copy }
    } else {
        way_back(from, to).map_err(|barrier| below(from, to, barrier))?
    };
    let started = if view.is_refused() {
        Started::Yes("the older Central refuses the database".to_owned())
    } else {
        view.started(from)
    };
    let is_forced = manner.needs_force() && !matches!(started, Started::No(_));
    told.database = Some((manner, started));
    told.is_data_loss_accepted = request.force.is_some();
    if is_forced {
        force(view, to, parts)?;
    }
    Ok(())
}

fn below(from: &Version, to: &Version, barrier: Barrier) -> Refusal {
    Refusal::BelowFloor { from: from.clone(), to: to.clone(), barrier: Box::new(barrier) }
}

/// Puts the key before the step that starts the older Central, and takes it away after it.
fn force(view: View<'_>, to: &Version, parts: &mut Vec<Part>) -> Result<(), Refusal> {
    let namespace = view.snapshot.namespace.as_str();
    let object = config_of(namespace);
    let unreadable = |reason: String| Refusal::ConfigUnreadable { reason };
    // What goes back itself is in place by then.
    let restored = parts.iter().flat_map(|part| &part.writes).find_map(|write| match write {
        Write::Restore { object: it, before: Before::Manifest { manifest } } if *it == object => {
            Some(manifest.clone())
        }
        _ => None,
    });
    let now = restored.as_ref().or_else(|| view.now(&object));
    let text = now.and_then(|now| now["data"][KEY].as_str()).unwrap_or_default();
    let forced = with_forced_version(text, &to.tag()).map_err(unreadable)?;
    let was = forced_version(text).map_err(unreadable)?;
    // A text that forced nothing comes back to the letter.
    let after = match was {
        None if !text.is_empty() => text.to_owned(),
        _ => with_forced_version(text, NONE).map_err(unreadable)?,
    };
    let exists = now.is_some();
    let set = config_part(&object, "force-rollback", &forced, &to.tag(), exists);
    let clear = config_part(&object, "force-rollback-off", &after, NONE, true);
    let place = match parts.iter().position(|part| part.is_central(namespace)) {
        Some(place) => place,
        None => {
            parts.push(restart(view));
            parts.len() - 1
        }
    };
    parts.insert(place + 1, clear);
    parts.insert(place, set);
    Ok(())
}

fn config_part(object: &ObjectRef, id: &str, text: &str, value: &str, exists: bool) -> Part {
    let body = json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": object.name, "namespace": object.namespace},
        "data": {KEY: text},
    });
    let change = Change {
        rule: "force-rollback".to_owned(),
        object: Some(object.clone()),
        what: format!("maintenance.forceRollbackVersion: {value}"),
        why: match value {
            NONE => "Central runs: nothing is to be forced any more".to_owned(),
            _ => "up to 4.1 Central goes back only when it is told to; what was written since the \
                  upgrade is lost"
                .to_owned(),
        },
        source: "product guide: forced rollback of Central; change log 4.2".to_owned(),
    };
    let title = match value {
        NONE => "Stop forcing Central back".to_owned(),
        _ => format!("Allow Central to go back to {value}"),
    };
    let object = object.clone();
    let write = match exists {
        true => Write::Patch { object, patch: PatchKind::Merge, body },
        false => Write::Apply { object, manifest: body },
    };
    Part { timeout: 60, ..part(id, title, write, change) }
}

/// Starts Central again, so that it reads its configuration.
fn restart(view: View<'_>) -> Part {
    let object = ObjectRef::deployment(view.snapshot.namespace.as_str(), "central");
    let name = "kubectl.kubernetes.io/restartedAt";
    let at: Value = view.snapshot.taken_at.as_str().into();
    let body = json!({"spec": {"template": {"metadata": {"annotations": {name: at}}}}});
    let change = Change {
        rule: "restart".to_owned(),
        object: Some(object.clone()),
        what: format!("template annotation {name}"),
        why: "Central reads its configuration when it starts".to_owned(),
        source: "product guide: forced rollback of Central".to_owned(),
    };
    let title = format!("Start {object} again");
    part("central", title, Write::Patch { object, patch: PatchKind::Strategic, body }, change)
}

fn part(id: &str, title: String, write: Write, change: Change) -> Part {
    Part {
        id: id.to_owned(),
        phase: Phase::of(&write),
        component: Component::Central,
        title,
        writes: vec![write],
        changes: vec![change],
        timeout: PATIENCE,
    }
}
