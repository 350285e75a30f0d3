//! The examples of every `--help`.

pub(super) const EXAMPLES: &str = "\
Examples:
  # The roxctl that fits Central
  kubectl rhacs roxctl install

  # A certain version beside others, and the switch to it
  kubectl rhacs roxctl install 4.8.3 --side-by-side
  kubectl rhacs roxctl use 4.8.3

  # What is here, and whether it fits
  kubectl rhacs roxctl list";

pub(super) const INSTALL: &str = "\
Examples:
  # The version Central runs, from Central when it answers, else from the mirror
  kubectl rhacs roxctl install

  # From a copy of the mirror
  kubectl rhacs roxctl install 4.8.3 --mirror https://files.example.com/rhacs --mirror-ca ca.pem

  # From a file that was carried here
  kubectl rhacs roxctl install --file roxctl --sha256 \"$(cut -d' ' -f1 roxctl.sha256)\"

  # For another computer, into the current directory
  kubectl rhacs roxctl install 4.8.3 --os windows --arch amd64";

pub(super) const UNINSTALL: &str = "\
Examples:
  # What this command installed
  kubectl rhacs roxctl uninstall

  # Every roxctl on the PATH; shows them and asks
  kubectl rhacs roxctl uninstall --all";

pub(super) const LIST: &str = "\
Examples:
  kubectl rhacs roxctl list

  # With checksums and sources, without asking Central
  kubectl rhacs roxctl list -o wide --offline";

pub(super) const WHICH: &str = "\
Examples:
  kubectl rhacs roxctl which

  # Only the path
  kubectl rhacs roxctl which -o name";

pub(super) const VERIFY: &str = "\
Examples:
  # Ends with 4 when a checksum is wrong, with 5 when there is none to compare with
  kubectl rhacs roxctl verify

  # Without a network
  kubectl rhacs roxctl verify --offline";

pub(super) const USE: &str = "\
Examples:
  kubectl rhacs roxctl install 4.8.3 --side-by-side
  kubectl rhacs roxctl use 4.8.3";
