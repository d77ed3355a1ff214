//! Where a list continues. A cursor is opaque to the caller, and bound to the list and the filters it came from.

use crate::http::problem::{Kind, Problem};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use cadenza_core::id::hash64;

/// The version of the format below.
const VERSION: u8 = 1;
/// Bytes before the position: the version and a hash of the list.
const HEAD_BYTES: usize = 9;

/// The cursor for a position in a list; `list` names the list with its filters.
pub(crate) fn write(list: &str, position: &[u8]) -> String {
    let mut bytes = Vec::with_capacity(HEAD_BYTES + position.len());
    bytes.push(VERSION);
    bytes.extend(hash64(list.as_bytes()).to_be_bytes());
    bytes.extend(position);
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The position that a cursor stands for, if it belongs to this list.
pub(crate) fn read(list: &str, cursor: &str) -> Result<Vec<u8>, Problem> {
    let refuse = |detail: &str| Problem::new(Kind::BadCursor, detail).at("cursor");
    let mut bytes = URL_SAFE_NO_PAD
        .decode(cursor)
        .map_err(|_| refuse("this is no cursor of ours: take `next` of the page before, as it stands"))?;
    if bytes.len() < HEAD_BYTES || bytes[0] != VERSION {
        return Err(refuse("this is no cursor of ours: begin the list again without one"));
    }
    if bytes[1..HEAD_BYTES] != hash64(list.as_bytes()).to_be_bytes() {
        return Err(refuse("the cursor comes from a list with other filters: keep them while paging"));
    }
    Ok(bytes.split_off(HEAD_BYTES))
}

/// The position as a 128-bit id.
pub(crate) fn read_id(list: &str, cursor: Option<&str>) -> Result<Option<u128>, Problem> {
    let Some(cursor) = cursor else { return Ok(None) };
    let bytes: [u8; 16] = read(list, cursor)?.try_into().map_err(|_| damaged())?;
    Ok(Some(u128::from_be_bytes(bytes)))
}

/// The problem of a position that this list cannot have.
pub(crate) fn damaged() -> Problem {
    Problem::new(Kind::BadCursor, "the cursor is damaged: begin the list again").at("cursor")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_come_back_and_stay_with_their_list() {
        let cursor = write("leads?stage=open", &7_u128.to_be_bytes());
        assert_eq!(read_id("leads?stage=open", Some(&cursor)).unwrap(), Some(7));
        assert_eq!(read_id("leads?stage=lost", Some(&cursor)).unwrap_err().kind(), Kind::BadCursor);
        for broken in ["", "!", "AAAA", &cursor[..10], &format!("{cursor}AAAA"), "\u{1F600}"] {
            let read = read_id("leads?stage=open", Some(broken));
            assert_eq!(read.unwrap_err().kind(), Kind::BadCursor, "`{broken}` is no cursor");
        }
        assert_eq!(read_id("leads", None).unwrap(), None);
    }
}
