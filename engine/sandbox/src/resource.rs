//! The resources that a plugin may use only a limited amount of, with their names.

/// Something that a plugin may use only a limited amount of.
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
    /// All of the resources.
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

    /// The name of its setting under `plugins` in `cadenza.yaml`.
    pub const fn setting(self) -> &'static str {
        match self {
            Self::Time => "time_ms",
            Self::Memory => "memory",
            Self::Output => "output",
            Self::Fuel | Self::LogLines | Self::TableElements | Self::Tables | Self::Instances => self.as_str(),
        }
    }

    /// Whether every instance of a component has the same number. Then a decision that comes near the budget says
    /// nothing about the next one.
    pub const fn is_fixed(self) -> bool {
        matches!(self, Self::Tables | Self::Instances)
    }

    /// The name, with its unit, used in metrics and the API.
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
