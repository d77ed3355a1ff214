//! Lies in `reads`, and in what a guest says of itself from one time to the next.

use crate::sandbox;
use cadenza_core::plugin::{Budget, DecisionFailure, FieldRead, Reads};
use cadenza_core::value::ValueType;
use cadenza_tests::guest::{Guest, VIEW, data, words};
use cadenza_tests::hostile::FOREVER;

/// Where the parts of the view lie, which is the answer without an error.
const FIELDS: u32 = VIEW + 4;
const TOUCHES: u32 = VIEW + 12;
const LIES: u32 = 16_384;
/// The number of the type `text`.
const TEXT: u32 = 3;

fn reads(guest: &Guest) -> Result<Reads, DecisionFailure> {
    let mut sandbox = sandbox();
    let info = sandbox.load(&guest.component(), None).expect("it describes itself well");
    sandbox.reads(info.digest, &[])
}

fn lying(items: String) -> Guest {
    Guest { items, pages: 16, ..Guest::default() }
}

#[test]
fn a_view_may_ask_for_anything_and_gets_what_there_is() {
    let nothing = reads(&Guest::default()).expect("it asks for nothing");
    assert_eq!(nothing, Reads::default());
    // Whether a field is known is checked with the workspace, and a window's limits are cut where it is filled.
    let unknown = data(LIES, b"no such field") + &words(LIES + 64, &[LIES, 13, TEXT]) + &words(FIELDS, &[LIES + 64, 1]);
    let field = FieldRead { name: "no such field".to_owned(), kind: ValueType::Text };
    assert_eq!(reads(&lying(unknown)).expect("it may ask").fields, [field]);
    let window = words(TOUCHES, &[1, 0, 0, u32::MAX]);
    let touches = reads(&lying(window)).expect("it may ask").touches.expect("it asked for touches");
    assert_eq!((touches.count_max, touches.days_back_max), (u16::MAX, u16::MAX));
}

#[test]
fn a_view_that_is_a_lie_is_a_typed_failure() {
    let out_of = |budget| Err(DecisionFailure::Budget(budget));
    assert_eq!(reads(&Guest { reads: FOREVER, ..Guest::default() }), out_of(Budget::Fuel));
    let bomb = "(loop $more (br_if $more (i32.ne (memory.grow (i32.const 16)) (i32.const -1)))) unreachable";
    assert_eq!(reads(&Guest { reads: bomb, ..Guest::default() }), out_of(Budget::Memory));
    assert!(matches!(reads(&Guest { reads: "unreachable", ..Guest::default() }), Err(DecisionFailure::Trap(_))));
    // Many fields in little memory: all of them are one text.
    assert_eq!(reads(&lying(words(FIELDS, &[LIES, 60_000]))), out_of(Budget::Output));
    let long = words(LIES, &[0, 1_000_000, TEXT]) + &words(FIELDS, &[LIES, 1]);
    assert_eq!(reads(&lying(long)), out_of(Budget::Output));
    for lie in [
        words(FIELDS, &[LIES, u32::MAX]),
        words(FIELDS, &[LIES + 1, 1]),
        words(LIES, &[u32::MAX, 2, TEXT]) + &words(FIELDS, &[LIES, 1]),
        words(LIES, &[LIES, 1, 7]) + &words(FIELDS, &[LIES, 1]),
        words(FIELDS, &[LIES, 257]),
        words(TOUCHES, &[2, 0, 0, 0]),
        words(TOUCHES, &[1, u32::MAX - 3, 1, 0]),
        data(LIES, b"\xff") + &words(LIES + 64, &[LIES, 1, TEXT]) + &words(FIELDS, &[LIES + 64, 1]),
    ] {
        let answer = reads(&lying(lie.clone()));
        assert!(matches!(answer, Err(DecisionFailure::BadOutput(_))), "{lie}: {answer:?}");
    }
    // An error is in the guest's own words, and is cut.
    let refusal = words(VIEW, &[1, LIES, 10_000]) + &data(LIES, &[b'n'; 10_000]);
    let Err(DecisionFailure::Refusal(why)) = reads(&lying(refusal)) else { panic!("it refuses") };
    assert!(why.len() < 1_024, "{} bytes", why.len());
}

#[test]
fn a_guest_cannot_say_something_else_the_second_time() {
    // It counts how often it was asked, and would have another name from the second time on.
    let items = "(global $asked (mut i32) (i32.const 0))".to_owned();
    let describe = "(if (global.get $asked) (then (i32.store8 (i32.const 1024) (i32.const 120))))
        (global.set $asked (i32.const 1))
        i32.const 2048";
    let guest = Guest { items, describe, ..Guest::default() };
    let (mut sandbox, component) = (sandbox(), guest.component());
    let first = sandbox.load(&component, None).expect("it loads");
    assert_eq!(sandbox.load(&component, None).expect("it loads again"), first, "every instance is a fresh one");
}
