//! The examples of every `--help`.

pub(super) const PLAN_EXAMPLES: &str = "\
Examples:
  # What going back would change, and what it would cost
  kubectl rhacs rollback plan

  # Everything about each step, for a review, and to be applied later
  kubectl rhacs rollback plan --components central,scanner,secured -o yaml > plan.yaml";

pub(super) const CHECK_EXAMPLES: &str = "\
Examples:
  # Ends with 3 when something blocks
  kubectl rhacs rollback check

  # Before a forced rollback
  kubectl rhacs rollback check --force --to 3.66.1";

pub(super) const APPLY_EXAMPLES: &str = "\
Examples:
  # The plan that was reviewed, in CI
  kubectl rhacs rollback apply plan.yaml --accept RHACS-ROLLBACK-DATA-LOST --yes

  # From standard input
  kubectl rhacs rollback apply - --yes < plan.yaml";

pub(super) const UNLOCK_EXAMPLES: &str = "\
Examples:
  kubectl rhacs rollback unlock --reason \"the laptop of that run was lost\"";

pub(super) const EXAMPLES: &str = "\
Examples:
  # Take back the newest run: Central alone
  kubectl rhacs rollback

  # The whole installation, to what it was before a certain run
  kubectl rhacs rollback --to-run 20260102-120000-k3v9 --components central,scanner,secured

  # After an upgrade by hand: by the revisions of deploy/central
  kubectl rhacs rollback --to-revision 3

  # Central has started on the new version: what it wrote since is lost
  kubectl rhacs rollback --force --to 3.66.1

  # Rehearse it on an embedded copy of the cluster, in seconds
  kubectl rhacs rollback --rehearse

  # See a forced one through on an embedded sample
  kubectl rhacs rollback --force --to 3.66.1 --rehearse sample:3.69.2";
