//! The wires of a vault over real TLS on loopback: who gets in and who does not, what is said to those who do not,
//! and what remains when the line is cut.
#![allow(clippy::tests_outside_test_module, reason = "an integration test is all tests")]

mod bulk;
mod certificates;
mod keys;
mod line;
mod proxies;
mod sessions;
mod vault;
