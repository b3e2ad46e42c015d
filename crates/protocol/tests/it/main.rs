//! Examples and cases from outside, through the public API alone.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails there; the lint only excepts test functions")]

mod cookbook;
mod json;
mod messages;
mod noise;
