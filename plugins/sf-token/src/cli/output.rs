//! How to print: the suite's formats, and one for Prometheus.

use clap::{Args, ValueEnum};
use common::ui::{EventFormat, Output, UiArgs};

/// The flags every verb has about what it prints.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Output options")]
pub struct OutputArgs {
    /// Print data in this format; prometheus is for `expiring`
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
    pub output: Format,

    /// Say nothing but data, warnings and errors
    #[arg(short, long)]
    pub quiet: bool,

    /// Print no colours, as with NO_COLOR in the environment
    #[arg(long)]
    pub no_color: bool,

    /// Tell progress in this format on standard error
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub events: EventFormat,
}

/// What `-o` takes.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, ValueEnum)]
pub enum Format {
    /// A table for people
    #[default]
    Table,
    /// A table with more columns
    Wide,
    /// JSON
    Json,
    /// YAML
    Yaml,
    /// Only the names, one a line
    Name,
    /// Metrics in Prometheus' text format
    Prometheus,
}

impl OutputArgs {
    /// The suite's own flags.
    #[must_use]
    pub fn ui(&self) -> UiArgs {
        let output = match self.output {
            Format::Table | Format::Prometheus => Output::Table,
            Format::Wide => Output::Wide,
            Format::Json => Output::Json,
            Format::Yaml => Output::Yaml,
            Format::Name => Output::Name,
        };
        UiArgs { output, quiet: self.quiet, no_color: self.no_color, events: self.events }
    }
}
