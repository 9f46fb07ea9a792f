//! doc
fn main() {}
