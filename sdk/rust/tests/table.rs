//! A file beside the crate as a lookup table.

use cadenza_sdk::{Table, table};

const INDUSTRIES: Table = table!("tests/industries.csv", key = "industry");

#[test]
fn rows_are_found_by_their_key() {
    let row = INDUSTRIES.get("logistics").expect("it is in the file");
    assert_eq!((row.text("name"), row.parse::<i32>("points")), ("Logistics, Freight", Some(10)));
    assert_eq!(INDUSTRIES.get("manufacturing").and_then(|row| row.parse::<i32>("points")), Some(15));
    assert_eq!(row.parse::<i32>("name"), None);
    assert!(INDUSTRIES.get("Logistics").is_none() && INDUSTRIES.get("").is_none());
    assert_eq!(INDUSTRIES.len(), 3);
}
