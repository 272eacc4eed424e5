use serde::{Deserialize, Serialize};
use std::fmt;

/// Where a rule or a figure comes from: an instrument, and the article in it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Citation {
    /// The instrument's number or title, as its front matter gives it.
    pub instrument: String,
    /// The official article number, such as 第二十三条.
    pub article: String,
}

impl fmt::Display for Citation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.instrument, self.article)
    }
}
