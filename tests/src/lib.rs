//! The package of the tests through the public API: this library is empty.
