//! Guests written by hand, down to the bytes of the canonical ABI: what no SDK would produce.

use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

/// A plugin of one kind whose parts can each be replaced by something hostile.
pub struct Guest {
    pub name: &'static str,
    /// Its world in the contract: `scoring`, `nurture` or `escalation`.
    pub world: &'static str,
    /// What it imports; [`LOG`] is all that is allowed.
    pub imports: &'static str,
    /// More items of the module: data, tables, functions, a start function.
    pub items: String,
    /// The body of `describe`, which returns where the description is.
    pub describe: &'static str,
    /// The body of `reads`, which returns where the view is; by default it reads nothing.
    pub reads: &'static str,
    /// The body of `score`, `choose` or `decide`, which returns where the answer is.
    pub score: String,
    /// The body of `score-batch`, which returns where the answer is. By default it answers for no lead.
    pub batch: String,
    /// The body of `cabi_realloc`.
    pub realloc: &'static str,
    /// Pages of memory at the start.
    pub pages: u32,
    /// The plugin's fuel budget, as it states it.
    pub fuel: u64,
    /// The plugin's memory budget in bytes, as it states it.
    pub memory: u64,
    /// A change to the contract: what is replaced, and by what.
    pub contract: Option<(&'static str, &'static str)>,
}

/// The contract as it is.
pub const CONTRACT: &str = include_str!("../../sdk/wit/cadenza.wit");

/// A core module that has the exports of a world, turned into a component by this contract.
pub fn encode(mut module: Vec<u8>, contract: &str, world: &str) -> Vec<u8> {
    let mut resolve = Resolve::default();
    let package = resolve.push_str("cadenza.wit", contract).expect("the contract is valid");
    let world = resolve.select_world(&[package], Some(world)).expect("it has this world");
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).expect("it can be embedded");
    let mut encoder = ComponentEncoder::default();
    encoder.module(&module).expect("the module fits the world").encode().expect("the module is a component")
}

/// Where `score` may put its answer; everything beyond that is free too.
pub const ANSWER: u32 = 8192;
/// Where the view lies: zeros, which is a view of nothing.
pub const VIEW: u32 = 4096;
/// Where the description lies.
pub const DESCRIPTION: u32 = 2048;
/// The description's members, each an address and a length, counted from [`DESCRIPTION`].
pub mod member {
    pub const NAME: u32 = 0;
    pub const VERSION: u32 = 8;
    pub const SUMMARY: u32 = 16;
    pub const PARAMETERS: u32 = 24;
    pub const RULES: u32 = 32;
    pub const TRACKS: u32 = 40;
    pub const CODES: u32 = 48;
    /// The fuel budget, in eight bytes.
    pub const FUEL: u32 = 56;
    /// The memory budget, in eight bytes.
    pub const MEMORY: u32 = 64;
}

/// The imports `$line` and `$panic`, each of an address and a length.
pub const LOG: &str = r#"(import "cadenza:plugin/log@1.0.0" "line" (func $line (param i32 i32)))
    (import "cadenza:plugin/log@1.0.0" "panic" (func $panic (param i32 i32)))"#;

impl Default for Guest {
    /// A well-behaved guest: 7 points, cold, no reasons.
    fn default() -> Self {
        Self {
            name: "hostile",
            world: "scoring",
            imports: "",
            items: String::new(),
            describe: "i32.const 2048",
            reads: "i32.const 4096",
            score: answer(7, 2, 0, 0),
            batch: "i32.const 4096".to_owned(),
            realloc: "i32.const 32768",
            pages: 1,
            fuel: 100_000,
            memory: 4 * 1024 * 1024,
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

/// A data segment with reasons of one rule, all with the value that lies at `value_at`.
pub fn reasons(at: u32, count: usize, rule: u16, value_at: u32, value_bytes: u32) -> String {
    let reason =
        [u32::from(rule).to_le_bytes(), 1_u32.to_le_bytes(), value_at.to_le_bytes(), value_bytes.to_le_bytes()];
    format!("(data (i32.const {at}) \"{}\")", escaped(&reason.concat().repeat(count)))
}

/// A data segment of these bytes. Later segments win, so it can also falsify what the guest says.
pub fn data(at: u32, bytes: &[u8]) -> String {
    format!("(data (i32.const {at}) \"{}\")", escaped(bytes))
}

/// A data segment of these numbers.
pub fn words(at: u32, words: &[u32]) -> String {
    data(at, &words.iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<_>>())
}

/// A list of the description that claims to lie at `at` and to have `count` entries.
pub fn claims(member: u32, at: u32, count: u32) -> String {
    words(DESCRIPTION + member, &[at, count])
}

fn escaped(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("\\{byte:02x}")).collect()
}

impl Guest {
    /// The guest as a component.
    pub fn component(&self) -> Vec<u8> {
        let module = wat::parse_str(self.module()).expect("the guest is valid text");
        let mut contract = CONTRACT.to_owned();
        if let Some((from, to)) = self.contract {
            assert!(contract.contains(from), "the contract has no `{from}`; change the test with it");
            contract = contract.replace(from, to);
        }
        encode(module, &contract, self.world)
    }

    /// What the guest says of itself, as it lies in its memory: texts and lists as address and length, and finally the
    /// budgets. It has one rule, number 1.
    pub fn says(&self) -> [(u32, Vec<u8>); 3] {
        let length = u32::try_from(self.name.len()).expect("a name is short");
        let mut description = Vec::new();
        for (at, length) in [(1024, length), (1024, length), (1024, length), (0, 0), (1536, 1), (0, 0), (0, 0)] {
            description.extend(u32::to_le_bytes(at));
            description.extend(u32::to_le_bytes(length));
        }
        description.extend(self.fuel.to_le_bytes());
        description.extend(self.memory.to_le_bytes());
        let rule = [1, 1024, length, 1024, length].into_iter().flat_map(u32::to_le_bytes).collect();
        [(1024, self.name.as_bytes().to_vec()), (1536, rule), (DESCRIPTION, description)]
    }

    fn module(&self) -> String {
        let Self { imports, items, describe, reads, realloc, pages, .. } = self;
        let decides = self.decides();
        let says: String = self.says().iter().map(|(at, bytes)| data(*at, bytes)).collect();
        format!(
            r#"(module
                {imports}
                (memory (export "memory") {pages})
                {says}
                {items}
                (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) {realloc})
                (func (export "cadenza:plugin/describe@1.0.0#describe") (result i32) {describe})
                (func (export "cadenza:plugin/describe@1.0.0#reads") (param i32 i32 i32 i32 i32 i32) (result i32) {reads})
                {decides}
            )"#
        )
    }

    /// The functions of its world. Few arguments are passed as parameters, more of them in memory.
    fn decides(&self) -> String {
        const ASKED: &str = "(param i64 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)";
        let Self { score, batch, .. } = self;
        match self.world {
            "scoring" => format!(
                r#"(func $score (export "cadenza:plugin/scorer@1.0.0#score") {ASKED} {score})
                (func (export "cadenza:plugin/scorer@1.0.0#score-batch") {ASKED} {batch})"#
            ),
            "nurture" => format!(r#"(func (export "cadenza:plugin/nurturer@1.0.0#choose") {ASKED} {score})"#),
            "escalation" => {
                format!(r#"(func (export "cadenza:plugin/escalator@1.0.0#decide") (param i32) (result i32) {score})"#)
            }
            other => panic!("the contract has no world `{other}`"),
        }
    }
}
