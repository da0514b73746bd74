//! What is told of the measurements.

pub mod figures;
pub mod table;
