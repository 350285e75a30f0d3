//! Whether the Central that answers is the one of the installation.

use super::{Context, Definition};
use crate::plan::{Finding, Severity};

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

pub(super) fn run(context: &Context<'_>) -> Vec<Finding> {
    let central = &context.snapshot.central;
    let at = central.endpoint.as_deref().unwrap_or("its pod");
    let without = "leave out --endpoint, ROX_ENDPOINT and ROX_CENTRAL_ADDRESS to reach Central \
                   through the API server";
    let foreign = central.foreign.as_ref().map(|reason| {
        let what = format!("Central at {at} is not the one of this installation: {reason}");
        FOREIGN.found(what, without)
    });
    let unproven = central.unproven.as_ref().map(|reason| {
        UNPROVEN.found(format!("whose Central answers at {at} is not known: {reason}"), without)
    });
    foreign.into_iter().chain(unproven).collect()
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
