//! One file per verb.

pub mod apply;
pub mod check;
pub mod history;
pub mod plan;
pub mod resume;
pub mod status;
pub mod unlock;
pub mod upgrade;
