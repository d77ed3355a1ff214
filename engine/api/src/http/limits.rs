//! Every limit of the HTTP API in one place, each with its unit. A request that exceeds a limit is answered
//! with a problem that names it.

use std::time::Duration;

/// How much callers may use at once.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Connections open at the same time. Any more get a reserved place, for a health check.
    pub connections_max: usize,
    /// Connections open at the same time from one address (with IPv6, from one 64-bit network).
    pub connections_per_address_max: usize,
    /// Places for connections beyond both limits. Each answers one request about health, readiness or metrics. If all
    /// are taken, the connection that has been there longest makes room.
    pub reserved_places: usize,
    /// The longest that a connection may have a reserved place.
    pub reserved_timeout: Duration,
    /// A connection whose writes make no progress for this long is closed.
    pub write_timeout: Duration,
    /// Bytes of one request's head.
    pub head_bytes_max: usize,
    /// Time from the first byte of a request to the end of its head. An idle connection is closed after the same time.
    pub head_read_timeout: Duration,
    /// Time for a body to arrive.
    pub body_read_timeout: Duration,
    /// Time that running requests get when the engine stops.
    pub drain_timeout: Duration,
    /// Bytes of all bodies in memory together, and of what is made of them.
    pub bodies_bytes_max: usize,
    /// Bytes of a webhook's body.
    pub hook_body_bytes_max: usize,
    /// Bytes of the body of `POST /v1/events`.
    pub events_body_bytes_max: usize,
    /// Bytes of a message that came back by mail.
    pub mail_bytes_max: usize,
    /// Bytes of a plugin's component.
    pub component_bytes_max: usize,
    /// Time for a component to arrive.
    pub component_read_timeout: Duration,
    /// Bytes of any other body.
    pub command_body_bytes_max: usize,
    /// Events in one array.
    pub events_max: usize,
    /// Events of one array that are with the engine at the same time; fewer than its queue holds.
    pub events_under_way_max: usize,
    /// Leads in one enrolment or removal.
    pub leads_per_command_max: usize,
    /// Items of a page if the caller names no limit.
    pub page_items_default: usize,
    pub page_items_max: usize,
    /// Records that one page may look at before it answers with what it has found so far.
    pub page_scan_max: usize,
    /// Lists that search through records and wait for their turn. One runs at a time.
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
            mail_bytes_max: cadenza_mail::MESSAGE_BYTES_MAX,
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
