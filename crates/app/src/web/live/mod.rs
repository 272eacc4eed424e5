//! The rooms below, as the pages see them: every question of [`super::source::Source`] answered.

pub mod shelf;
pub mod trace;
