//! Every limit of the HTTP face in one place, each with its unit. What is over a limit is answered with a problem that
//! names it.

use std::time::Duration;

/// What a caller may ask of us at once.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Connections open at the same time. One more has a reserved place, for a question about health.
    pub connections_max: usize,
    /// Connections of one address (of one network of 64 bits with IPv6) open at the same time.
    pub connections_per_address_max: usize,
    /// Places of connections beyond both limits. They answer one question about health, readiness or metrics; when all
    /// are taken, the one that has waited longest makes room.
    pub reserved_places: usize,
    /// How long a connection has a reserved place at most.
    pub reserved_timeout: Duration,
    /// A write that makes no progress for so long ends its connection.
    pub write_timeout: Duration,
    /// Bytes of one request's head.
    pub head_bytes_max: usize,
    /// Time from the first byte of a request to the end of its head; an idle connection is closed after it too.
    pub head_read_timeout: Duration,
    /// Time for a body to arrive.
    pub body_read_timeout: Duration,
    /// Time that requests under way get when the engine stops.
    pub drain_timeout: Duration,
    /// Bytes of all bodies under way together, and of what is made of them.
    pub bodies_bytes_max: usize,
    /// Bytes of a webhook's body.
    pub hook_body_bytes_max: usize,
    /// Bytes of the body of `POST /v1/events`.
    pub events_body_bytes_max: usize,
    /// Bytes of a plugin's component.
    pub component_bytes_max: usize,
    /// Time for a component to arrive.
    pub component_read_timeout: Duration,
    /// Bytes of any other body.
    pub command_body_bytes_max: usize,
    /// Events in one array.
    pub events_max: usize,
    /// Events of one array that are with the engine at the same time; less than its queue holds.
    pub events_under_way_max: usize,
    /// Leads in one enrolment or removal.
    pub leads_per_command_max: usize,
    /// Items of a page when the caller names no limit.
    pub page_items_default: usize,
    /// Items of a page.
    pub page_items_max: usize,
    /// Records that one page may look at before it answers with what it found so far.
    pub page_scan_max: usize,
    /// Lists that look through records and wait for their turn; there is one such list at a time.
    pub scans_waiting_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections_max: 4_096,
            connections_per_address_max: 1_024,
            reserved_places: 64,
            reserved_timeout: Duration::from_secs(5),
            write_timeout: Duration::from_secs(30),
            head_bytes_max: 32 * 1024,
            head_read_timeout: Duration::from_secs(30),
            body_read_timeout: Duration::from_secs(15),
            drain_timeout: Duration::from_secs(20),
            bodies_bytes_max: 128 * 1024 * 1024,
            hook_body_bytes_max: 256 * 1024,
            events_body_bytes_max: 4 * 1024 * 1024,
            component_bytes_max: 64 * 1024 * 1024,
            component_read_timeout: Duration::from_secs(120),
            command_body_bytes_max: 256 * 1024,
            events_max: 1_000,
            events_under_way_max: 256,
            leads_per_command_max: 500,
            page_items_default: 50,
            page_items_max: 500,
            page_scan_max: 10_000,
            scans_waiting_max: 8,
        }
    }
}
