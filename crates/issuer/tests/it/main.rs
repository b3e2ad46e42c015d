//! Flows through real HTTP.
