//! Throws bytes at one parser without end; what must hold stands beside the parser's entry in `tests/parsers`.
#![no_main]

#[path = "../../tests/parsers/parsers.rs"]
#[allow(dead_code, reason = "each target uses one of them")]
mod parsers;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| parsers::operator(bytes));
