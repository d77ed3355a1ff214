//! Guests written by hand, down to the bytes of the canonical ABI: what no kit would produce.

use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

/// A scoring plugin whose parts can each be replaced by something hostile.
pub struct Guest {
    /// Its name.
    pub name: &'static str,
    /// More items of the module: data, tables, functions, a start function.
    pub items: String,
    /// The body of `describe`, which returns where the description is.
    pub describe: &'static str,
    /// The body of `score`, which returns where the answer is.
    pub score: String,
    /// The body of `cabi_realloc`.
    pub realloc: &'static str,
    /// Pages of memory to begin with.
    pub pages: u32,
    /// The plugin's fuel budget, as it says itself.
    pub fuel: u64,
    /// A change to the contract: what is replaced by what.
    pub contract: Option<(&'static str, &'static str)>,
}

/// The memory budget that a guest asks for.
const MEMORY_BYTES: u64 = 16 * 1024 * 1024;

/// Where `score` may put its answer, and beyond that whatever it likes.
pub const ANSWER: u32 = 8192;

impl Default for Guest {
    /// Well behaved: 7 points, cold, no reasons.
    fn default() -> Self {
        Self {
            name: "hostile",
            items: String::new(),
            describe: "i32.const 2048",
            score: answer(7, 2, 0, 0),
            realloc: "i32.const 32768",
            pages: 1,
            fuel: 100_000,
            contract: None,
        }
    }
}

/// A body of `score` that answers with these points, segment and reasons.
pub fn answer(points: i32, segment: u8, reasons_at: u32, reasons: u32) -> String {
    let at = ANSWER;
    format!(
        "(i32.store offset=4 (i32.const {at}) (i32.const {points}))
         (i32.store8 offset=8 (i32.const {at}) (i32.const {segment}))
         (i32.store offset=12 (i32.const {at}) (i32.const {reasons_at}))
         (i32.store offset=16 (i32.const {at}) (i32.const {reasons}))
         i32.const {at}"
    )
}

/// A data segment with reasons of a rule, all with the value that lies at `value_at`.
pub fn reasons(at: u32, count: usize, rule: u16, value_at: u32, value_bytes: u32) -> String {
    let reason =
        [u32::from(rule).to_le_bytes(), 1_u32.to_le_bytes(), value_at.to_le_bytes(), value_bytes.to_le_bytes()];
    format!("(data (i32.const {at}) \"{}\")", escaped(&reason.concat().repeat(count)))
}

fn escaped(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("\\{byte:02x}")).collect()
}

impl Guest {
    /// The guest as a component.
    pub fn component(&self) -> Vec<u8> {
        let mut module = wat::parse_str(self.module()).expect("the guest is valid text");
        let mut contract = include_str!("../../sdk/wit/cadenza.wit").to_owned();
        if let Some((from, to)) = self.contract {
            assert!(contract.contains(from), "the contract has no `{from}`; change the test with it");
            contract = contract.replace(from, to);
        }
        let mut resolve = Resolve::default();
        let package = resolve.push_str("cadenza.wit", &contract).expect("the contract is valid");
        let world = resolve.select_world(&[package], Some("scoring")).expect("it has this world");
        embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).expect("it can be embedded");
        let mut encoder = ComponentEncoder::default();
        encoder.module(&module).expect("the module fits the world").encode().expect("the module is a component")
    }

    fn module(&self) -> String {
        let Self { name, items, describe, score, realloc, pages, .. } = self;
        let length = u32::try_from(name.len()).expect("a name is short");
        // The description: texts and lists as address and length, at last the budgets. One rule, number 1.
        let mut description = Vec::new();
        for (at, length) in [(1024, length), (1024, length), (1024, length), (0, 0), (1536, 1), (0, 0), (0, 0)] {
            description.extend(u32::to_le_bytes(at));
            description.extend(u32::to_le_bytes(length));
        }
        description.extend(self.fuel.to_le_bytes());
        description.extend(MEMORY_BYTES.to_le_bytes());
        let rule: Vec<u8> = [1, 1024, length, 1024, length].into_iter().flat_map(u32::to_le_bytes).collect();
        format!(
            r#"(module
                (memory (export "memory") {pages})
                (data (i32.const 1024) "{name}")
                (data (i32.const 1536) "{rule}")
                (data (i32.const 2048) "{description}")
                {items}
                (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) {realloc})
                (func (export "cadenza:plugin/describe@1.0.0#describe") (result i32) {describe})
                (func (export "cadenza:plugin/describe@1.0.0#reads") (param i32 i32 i32 i32 i32 i32) (result i32) i32.const 4096)
                (func $score (export "cadenza:plugin/scorer@1.0.0#score")
                    (param i64 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32) {score})
                (func (export "cadenza:plugin/scorer@1.0.0#score-batch")
                    (param i64 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32) i32.const 4096)
            )"#,
            rule = escaped(&rule),
            description = escaped(&description),
        )
    }
}
