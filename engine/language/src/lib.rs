//! YAML workspaces to checked definitions, with diagnostics that point at the line.
