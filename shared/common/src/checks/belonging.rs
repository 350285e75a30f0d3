//! Whether the Central that answers is the one of the installation.

use super::{Context, Definition};
use crate::plan::{Finding, Severity};
use crate::rhacs::CentralFacts;

const FOREIGN: Definition = Definition {
    code: "RHACS-CENTRAL-FOREIGN",
    severity: Severity::Block,
    meaning: "the Central that answers belongs to another installation",
    why: "its backup would be of another database, its certificates of another authority",
    source: "product API /v1/tls-challenge; secret/central-tls",
};
const UNPROVEN: Definition = Definition {
    code: "RHACS-CENTRAL-UNPROVEN",
    severity: Severity::Info,
    meaning: "it could not be told whether the Central that answers is that of the installation",
    why: "an address left over from another installation would not be noticed",
    source: "product API /v1/tls-challenge; secret/central-tls",
};

pub(super) const DEFINITIONS: &[Definition] = &[FOREIGN, UNPROVEN];

/// What is done about either.
const WITHOUT: &str = "leave out --endpoint, ROX_ENDPOINT and ROX_CENTRAL_ADDRESS to reach Central \
                       through the API server";

pub(super) fn run(context: &Context<'_>) -> Vec<Finding> {
    let central = &context.snapshot.central;
    let unproven = central.unproven.as_ref().map(|reason| {
        let at = place(central);
        UNPROVEN.found(format!("whose Central answers at {at} is not known: {reason}"), WITHOUT)
    });
    foreign_central(central).into_iter().chain(unproven).collect()
}

/// That the Central that answers is another installation's, where it is.
#[must_use]
pub fn foreign_central(central: &CentralFacts) -> Option<Finding> {
    let reason = central.foreign.as_ref()?;
    let at = place(central);
    let what = format!("Central at {at} is not the one of this installation: {reason}");
    Some(FOREIGN.found(what, WITHOUT))
}

fn place(central: &CentralFacts) -> &str {
    central.endpoint.as_deref().unwrap_or("its pod")
}

#[cfg(test)]
mod tests {
    use super::super::testing::Installation;

    #[test]
    fn a_foreign_central_blocks_and_an_unproven_one_is_told() {
        let mut installation = Installation::at("3.62.1");
        installation.snapshot.central.foreign = Some("signed by `CN=other`".to_owned());
        let finding = installation.finding("RHACS-CENTRAL-FOREIGN", "3.69.2");
        assert!(finding.is_blocking() && finding.what.ends_with(": signed by `CN=other`"));
        let mut installation = Installation::at("3.62.1");
        installation.snapshot.central.unproven = Some("no".to_owned());
        assert!(!installation.finding("RHACS-CENTRAL-UNPROVEN", "3.69.2").is_blocking());
    }
}
