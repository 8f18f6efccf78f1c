//! leeward-replication: being built.
