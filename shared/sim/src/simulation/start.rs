//! How a simulation comes up: first the world, then its servers.

use std::sync::Arc;

use super::hooks::{FaultGate, Forward, Logs};
use super::{Builder, Error, Simulation};
use crate::api::{Options, Server};
use crate::central::CentralServer;
use crate::world::World;

pub(super) async fn start(builder: Builder) -> Result<Simulation, Error> {
    let openshift = builder.plan.openshift;
    let server = builder.plan.server.clone();
    let world = World::start(builder.plan).await?;
    let central_server =
        CentralServer::start(world.central.clone(), &world.leaf).await.map_err(Error::Central)?;
    let store = world.store.clone();
    let mut options = Options::new(store.clone());
    options.openshift = openshift;
    options.server = server;
    options.users.extend(builder.users);
    options.gate = Some(Arc::new(FaultGate(world.faults.clone())));
    let clock = world.clock.clone();
    options.logs = Some(Arc::new(Logs { book: world.logs.clone(), store: store.clone(), clock }));
    let connector = central_server.connector();
    options.forward = Some(Arc::new(Forward { store, central: world.central.clone(), connector }));
    let api = Server::start(options).await.map_err(Error::Api)?;
    Ok(Simulation { api, central_server, world })
}
