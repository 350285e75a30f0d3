//! The examples of every `--help`.

pub(super) const EXAMPLES: &str = "\
Examples:
  # Which SCCs are there, and which one admits each pod
  kubectl rhacs scc

  # Which one would after the migration to 4.4
  kubectl rhacs scc --for 4.4.0 --prune

  # The migration itself
  kubectl rhacs scc apply --for 4.4.0 --prune";

pub(super) const STATUS_EXAMPLES: &str = "\
Examples:
  # With everybody who may use each SCC
  kubectl rhacs scc status -o wide

  # What admits each pod after the migration
  kubectl rhacs scc status --for 3.69.2 --prune";

pub(super) const PLAN_EXAMPLES: &str = "\
Examples:
  # What would be done
  kubectl rhacs scc plan --for 3.69.2

  # For a review, and to be applied later
  kubectl rhacs scc plan --for 4.4.0 --prune -o yaml > plan.yaml";

pub(super) const CHECK_EXAMPLES: &str = "\
Examples:
  # Ends with 3 when a pod would be admitted by no SCC
  kubectl rhacs scc check --for 4.4.0 --prune";

pub(super) const APPLY_EXAMPLES: &str = "\
Examples:
  # The new SCCs beside the old ones
  kubectl rhacs scc apply --for 3.69.2

  # And the old ones away, once every pod is admitted by a new one
  kubectl rhacs scc apply --for 3.69.2 --prune

  # The plan that was reviewed
  kubectl rhacs scc apply plan.yaml --yes";

pub(super) const EXPORT_EXAMPLES: &str = "\
Examples:
  # The five SCCs of 3.69.2
  kubectl rhacs scc export --for 3.69.2 > sccs.yaml

  # Those of the secured cluster only
  kubectl rhacs scc export --for 3.69.2 --components secured";

pub(super) const UNLOCK_EXAMPLES: &str = "\
Examples:
  kubectl rhacs scc unlock --reason \"the laptop of that run was lost\"";

pub(super) const RESTORE_EXAMPLES: &str = "\
Examples:
  # Which runs there were, and back to before one of them
  kubectl rhacs scc history
  kubectl rhacs scc restore 20260102-120000-00ff";
