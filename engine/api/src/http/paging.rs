//! Pages: how many items a caller gets, and where the next page begins.

use crate::http::limits::Limits;
use crate::http::problem::{Kind, Problem};

/// The number of items asked for, within the limits.
pub(crate) fn size(asked: Option<usize>, limits: &Limits) -> Result<usize, Problem> {
    let max = limits.page_items_max;
    match asked {
        None => Ok(limits.page_items_default),
        Some(count) if (1..=max).contains(&count) => Ok(count),
        Some(count) => Err(Problem::new(Kind::BadParameter, format!("`limit` is 1 to {max}, not {count}")).at("limit")),
    }
}
