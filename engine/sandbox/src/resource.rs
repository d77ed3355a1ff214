//! What a plugin may use only so much of: each thing by its names.

/// Something that a plugin may use only so much of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Resource {
    /// Units of fuel.
    Fuel,
    /// Microseconds of wall time.
    Time,
    /// Bytes of linear memory.
    Memory,
    /// Bytes of the answer.
    Output,
    LogLines,
    /// Elements of the largest table.
    TableElements,
    Tables,
    Instances,
}

impl Resource {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Fuel,
        Self::Time,
        Self::Memory,
        Self::Output,
        Self::LogLines,
        Self::TableElements,
        Self::Tables,
        Self::Instances,
    ];

    /// What it is called under `plugins` in `cadenza.yaml`.
    pub const fn setting(self) -> &'static str {
        match self {
            Self::Time => "time_ms",
            Self::Memory => "memory",
            Self::Output => "output",
            Self::Fuel | Self::LogLines | Self::TableElements | Self::Tables | Self::Instances => self.as_str(),
        }
    }

    /// Whether every instance of a component has as many: then a decision that is near the budget says nothing of the next.
    pub const fn is_fixed(self) -> bool {
        matches!(self, Self::Tables | Self::Instances)
    }

    /// As metrics and the API name it, with its unit.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Fuel => "fuel",
            Self::Time => "time_us",
            Self::Memory => "memory_bytes",
            Self::Output => "output_bytes",
            Self::LogLines => "log_lines",
            Self::TableElements => "table_elements",
            Self::Tables => "tables",
            Self::Instances => "instances",
        }
    }
}
