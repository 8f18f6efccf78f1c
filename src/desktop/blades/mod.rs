//! The blades, one per noun, and the one registry that the shell draws them from.

// Blades of protection and monitoring:

// Blades of jobs, servers, policies, console and the wizard:
