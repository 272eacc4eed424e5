//! Writing DMN 1.3.
