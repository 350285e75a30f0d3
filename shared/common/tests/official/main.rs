//! Our knowledge of the official objects against the real manifests and recorded deltas, where
//! those are at hand, and what parity says of installations made from them.

mod deltas;
mod manifests;
mod parity;
mod support;
