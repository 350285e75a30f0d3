//! The two kinds of cluster the product tells apart.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// What a cluster is: decides about SCCs, Routes and the official registry of old releases.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Platform {
    /// Any Kubernetes without OpenShift's API groups.
    Kubernetes,
    /// OpenShift: `security.openshift.io` is served.
    OpenShift,
}

impl Platform {
    /// Whether SecurityContextConstraints exist here.
    #[must_use]
    pub const fn is_openshift(self) -> bool {
        matches!(self, Self::OpenShift)
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Kubernetes => "kubernetes",
            Self::OpenShift => "openshift",
        })
    }
}

impl FromStr for Platform {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "kubernetes" | "k8s" => Ok(Self::Kubernetes),
            "openshift" => Ok(Self::OpenShift),
            _ => Err(format!("unknown platform `{text}`: use kubernetes or openshift")),
        }
    }
}
