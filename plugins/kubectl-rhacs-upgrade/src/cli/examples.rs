//! The examples of every `--help`.

pub(super) const PLAN_EXAMPLES: &str = "\
Examples:
  # What would be done
  kubectl rhacs upgrade plan --to 3.69.2

  # For a review, and to be applied later
  kubectl rhacs upgrade plan --to 3.69.2 -o yaml > plan.yaml";

pub(super) const CHECK_EXAMPLES: &str = "\
Examples:
  # Ends with 3 when something blocks
  kubectl rhacs upgrade check --to 3.69.2

  # Every write is tried with dryRun=All, too
  kubectl rhacs upgrade check --to 3.69.2 --server

  # For a program
  kubectl rhacs upgrade check --to 3.69.2 -o json";

pub(super) const APPLY_EXAMPLES: &str = "\
Examples:
  # The plan that was reviewed, in CI
  kubectl rhacs upgrade apply plan.yaml --yes

  # From standard input
  kubectl rhacs upgrade apply - --yes < plan.yaml";

pub(super) const STATUS_EXAMPLES: &str = "\
Examples:
  # Once, with whole image references
  kubectl rhacs upgrade status -o wide

  # While another terminal upgrades
  kubectl rhacs upgrade status --watch

  # For a script: 0 healthy, 10 something to do, 5 not everything could be looked at
  kubectl rhacs upgrade status --exit-code > /dev/null";

pub(super) const UNLOCK_EXAMPLES: &str = "\
Examples:
  kubectl rhacs upgrade unlock --reason \"the laptop of that run was lost\"";

pub(super) const EXAMPLES: &str = "\
Examples:
  # Show what an upgrade would change
  kubectl rhacs upgrade plan --to 3.69.2

  # Upgrade, with a verified backup in /backup
  kubectl rhacs upgrade --to 3.69.2 --token-file token --backup-dir /backup

  # Rehearse it on an embedded copy of the cluster, in seconds
  kubectl rhacs upgrade --to 3.69.2 --rehearse

  # In CI: review a plan, then apply exactly that plan
  kubectl rhacs upgrade plan --to 3.69.2 -o yaml > plan.yaml
  kubectl rhacs upgrade apply plan.yaml --yes

  # Finish a run that was cut off
  kubectl rhacs upgrade resume";
