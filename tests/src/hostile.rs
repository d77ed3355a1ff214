//! The hostile corpus: every kind of guest that must not stop, slow down or crash the engine, and how each has to end.
//! The sandbox is tested with each of them, and so is the real binary.

use crate::bomb;
use crate::guest::{ANSWER, Guest, LOG, answer, claims, data, member, reasons, words};

/// How a guest ends, under the names used by the engine's API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ends {
    /// It is not even loaded.
    Refused,
    /// It loads, and then it traps.
    Trap,
    /// It runs out of fuel.
    Fuel,
    /// It wants more memory or tables than its budget.
    Memory,
    /// Its answer is larger than its budget.
    Output,
    /// It logs more than its budget.
    Log,
    /// Its answer is not allowed by the contract.
    BadOutput,
    /// It behaves after all; what it tried has no effect.
    Decided,
}

impl Ends {
    /// The name under which `/v1/plugins` counts it; `None` for what is not loaded.
    pub const fn counted_as(self) -> Option<&'static str> {
        Some(match self {
            Self::Refused => return None,
            Self::Trap => "trap",
            Self::Fuel => "fuel",
            Self::Memory => "memory",
            Self::Output => "output",
            Self::Log => "log",
            Self::BadOutput => "bad_output",
            Self::Decided => "decided",
        })
    }
}

/// One guest of the corpus.
#[derive(Debug)]
pub struct Hostile {
    /// What it does.
    pub kind: &'static str,
    /// How it has to end.
    pub ends: Ends,
    pub component: Vec<u8>,
}

/// A body that never ends.
pub const FOREVER: &str = "(loop $again (br $again)) unreachable";
/// A start function that traps.
const BAD_START: &str = "(func $start unreachable) (start $start)";
/// A body of `realloc` that does this when it is asked for space. It is also asked for no space, even when the
/// workspace is checked, and what fails then is not even loaded by the engine.
macro_rules! when_asked_for_room {
    ($does:literal) => {
        concat!("(if (result i32) (local.get 3) (then ", $does, ") (else i32.const 32768))")
    };
}
/// Where these guests keep their false data.
const LIES: u32 = 16_384;

/// Every kind, as plugins with this name.
pub fn corpus(name: &'static str) -> Vec<Hostile> {
    let mut corpus = Vec::new();
    let mut put = |kind, ends, guest: Guest| {
        corpus.push(Hostile { kind, ends, component: Guest { name, ..guest }.component() });
    };
    budgets(&mut put);
    answers(&mut put);
    logs(&mut put);
    descriptions(&mut put);
    for (kind, component) in bomb::all() {
        corpus.push(Hostile { kind, ends: Ends::Refused, component });
    }
    corpus
}

type Put<'a> = &'a mut dyn FnMut(&'static str, Ends, Guest);

fn scoring(score: impl Into<String>) -> Guest {
    Guest { score: score.into(), ..Guest::default() }
}

fn forever(body: &str) -> String {
    format!("(loop $again {body} (br $again)) unreachable")
}

/// Guests that want more than they may have.
fn budgets(put: Put<'_>) {
    let bomb = "(loop $more (br_if $more (i32.ne (memory.grow (i32.const 16)) (i32.const -1)))) unreachable";
    let (table, down) = (
        "(table $t 1 funcref)".to_owned(),
        "(func $down (result i32) (i32.add (call $down) (i32.const 1)))".to_owned(),
    );
    put("endless loop", Ends::Fuel, scoring(FOREVER));
    put(
        "endless loop in realloc",
        Ends::Fuel,
        Guest { realloc: when_asked_for_room!("(loop $again (br $again)) unreachable"), ..Guest::default() },
    );
    put("endless recursion", Ends::Trap, Guest { items: down.clone(), fuel: 10_000_000, ..scoring("call $down") });
    put("recursion that runs out of fuel", Ends::Fuel, Guest { items: down, fuel: 10_000, ..scoring("call $down") });
    put(
        "mutual tail calls",
        Ends::Fuel,
        Guest {
            items: "(func $a (result i32) return_call $b) (func $b (result i32) return_call $a)".to_owned(),
            ..scoring("call $a")
        },
    );
    put("memory bomb", Ends::Memory, scoring(bomb));
    let bomb_in_realloc = when_asked_for_room!(
        "(loop $more (br_if $more (i32.ne (memory.grow (i32.const 16)) (i32.const -1)))) unreachable"
    );
    put("memory bomb in realloc", Ends::Memory, Guest { realloc: bomb_in_realloc, ..Guest::default() });
    put("all memory at once", Ends::Memory, scoring("(drop (memory.grow (i32.const 65535))) unreachable"));
    // Growing by nothing takes nothing, so it continues until the fuel is gone.
    put("memory grown by nothing", Ends::Fuel, scoring(forever("(drop (memory.grow (i32.const 0)))")));
    let grow = "(drop (table.grow $t (ref.null func) (i32.const 1000000))) unreachable";
    put("table bomb", Ends::Memory, Guest { items: table.clone(), fuel: 10_000_000, ..scoring(grow) });
    put("table bomb that runs out of fuel", Ends::Fuel, Guest { items: table, ..scoring(grow) });
    // One instruction that does much costs much: one unit for each byte or element.
    let fill = forever("(memory.fill (i32.const 0) (i32.const 7) (i32.const 65536))");
    put("memory filled again and again", Ends::Fuel, scoring(fill));
    let copy = forever("(memory.copy (i32.const 0) (i32.const 32768) (i32.const 32768))");
    put("memory copied again and again", Ends::Fuel, scoring(copy));
    put(
        "data copied again and again",
        Ends::Fuel,
        Guest {
            items: format!("(data $d \"{}\")", "x".repeat(30_000)),
            ..scoring(forever("(memory.init $d (i32.const 0) (i32.const 0) (i32.const 30000))"))
        },
    );
    put(
        "table filled again and again",
        Ends::Fuel,
        Guest {
            items: "(table $t 10000 funcref)".to_owned(),
            ..scoring(forever("(table.fill $t (i32.const 0) (ref.null func) (i32.const 10000))"))
        },
    );
    put(
        "table copied again and again",
        Ends::Fuel,
        Guest {
            items: "(table $t 10000 funcref)".to_owned(),
            ..scoring(forever("(table.copy $t $t (i32.const 0) (i32.const 5000) (i32.const 5000))"))
        },
    );
    // Describing may cost more than deciding, and every decision begins with the start function, so
    // none could ever be reached.
    put(
        "start that burns the decision's fuel",
        Ends::Refused,
        Guest {
            items: "(global $left (mut i32) (i32.const 1000000))
            (func $start (loop $again
                (global.set $left (i32.sub (global.get $left) (i32.const 1)))
                (br_if $again (global.get $left))))
            (start $start)"
                .to_owned(),
            ..Guest::default()
        },
    );
    put(
        "every page touched",
        Ends::Fuel,
        Guest {
            // 256 pages are all that it may have; each pass over them burns some fuel.
            pages: 256,
            memory: 256 * 65_536,
            ..scoring(forever(
                "(drop (i32.const 0))
             (global.set $at (i32.and (i32.add (global.get $at) (i32.const 4096)) (i32.const 0xffffff)))
             (i32.store (global.get $at) (i32.const 1))",
            ))
            .with("(global $at (mut i32) (i32.const 0))")
        },
    );
}

/// Guests that answer wrongly, or not at all.
fn answers(put: Put<'_>) {
    let with = |items: String, count: u32| Guest { items, ..scoring(answer(7, 2, LIES, count)) };
    put("trap", Ends::Trap, scoring("unreachable"));
    put("division by zero", Ends::Trap, scoring("(i32.div_s (i32.const 1) (i32.const 0))"));
    put("read beyond memory", Ends::Trap, scoring("(i32.load (i32.const -8))"));
    put(
        "call through an empty table",
        Ends::Trap,
        Guest {
            items: "(table $t 1 funcref) (type $f (func (result i32)))".to_owned(),
            ..scoring("(call_indirect $t (type $f) (i32.const 0))")
        },
    );
    put(
        "call of a function of another type",
        Ends::Trap,
        Guest {
            items: "(table $t 1 funcref) (func $other (param i64)) (elem (table $t) (i32.const 0) func $other)
            (type $f (func (result i32)))"
                .to_owned(),
            ..scoring("(call_indirect $t (type $f) (i32.const 0))")
        },
    );
    put("trap in realloc", Ends::Trap, Guest { realloc: when_asked_for_room!("unreachable"), ..Guest::default() });
    put(
        "realloc beyond memory",
        Ends::BadOutput,
        Guest { realloc: when_asked_for_room!("i32.const 65528"), ..Guest::default() },
    );
    put(
        "realloc at the end of the address space",
        Ends::BadOutput,
        Guest { realloc: when_asked_for_room!("i32.const -1"), ..Guest::default() },
    );
    put(
        "realloc out of alignment",
        Ends::BadOutput,
        Guest { realloc: when_asked_for_room!("i32.const 32769"), ..Guest::default() },
    );
    // The host copies the arguments over each other, which only harms the guest itself.
    put("realloc of one place for all", Ends::Decided, Guest { realloc: "i32.const 32768", ..Guest::default() });
    put("answer beyond memory", Ends::BadOutput, scoring("i32.const 65532"));
    put("answer at the end of the address space", Ends::BadOutput, scoring("i32.const -4"));
    put("answer out of alignment", Ends::BadOutput, scoring("i32.const 8193"));
    put(
        "answer of an unknown case",
        Ends::BadOutput,
        scoring(format!("(i32.store8 (i32.const {ANSWER}) (i32.const 2)) i32.const {ANSWER}")),
    );
    put("points beyond the scale", Ends::BadOutput, scoring(answer(i32::MAX, 2, 0, 0)));
    put("unknown segment", Ends::BadOutput, scoring(answer(7, 255, 0, 0)));
    put("unknown rule", Ends::BadOutput, with(reasons(LIES, 1, 65_535, 0, 0), 1));
    put("too many reasons", Ends::BadOutput, with(reasons(LIES, 65, 1, 0, 0), 65));
    put("long reason", Ends::BadOutput, with(reasons(LIES, 1, 1, 0, 257), 1));
    put("reason beyond memory", Ends::BadOutput, with(reasons(LIES, 1, 1, 65_000, 1_000), 1));
    put("reason that wraps around", Ends::BadOutput, with(reasons(LIES, 1, 1, u32::MAX, u32::MAX), 1));
    put("reasons that are not there", Ends::BadOutput, scoring(answer(7, 2, LIES, u32::MAX)));
    let not_utf8: &[(&str, &[u8])] = &[
        ("invalid UTF-8", b"\xff\xfe"),
        ("UTF-8 of a surrogate", b"\xed\xa0\x80"),
        ("overlong UTF-8", b"\xc0\x80"),
        ("UTF-8 cut off", b"\xe2\x82"),
    ];
    for (kind, bytes) in not_utf8 {
        let items = format!("{} {}", reasons(LIES, 1, 1, 1280, bytes.len() as u32), data(1280, bytes));
        put(kind, Ends::BadOutput, with(items, 1));
    }
    // A little memory can stand for a lot: many reasons with one long value, or many empty reasons.
    put("giant output", Ends::Output, with(reasons(LIES, 64, 1, 40_000, 24_000), 64));
    put("giant list", Ends::Output, Guest { pages: 16, ..scoring(answer(7, 2, LIES, 50_000)) });
    put(
        "giant refusal",
        Ends::Output,
        Guest {
            pages: 16,
            ..scoring(format!(
                "(i32.store8 (i32.const {ANSWER}) (i32.const 1))
             (i32.store offset=4 (i32.const {ANSWER}) (i32.const {LIES}))
             (i32.store offset=8 (i32.const {ANSWER}) (i32.const 1000000))
             i32.const {ANSWER}"
            ))
        },
    );
}

/// Guests that log more than they may, or what nobody can read.
fn logs(put: Put<'_>) {
    let logging = |score: String| Guest { imports: LOG, pages: 16, ..scoring(score) };
    let say = |what: &str, bytes: u32| format!("(call ${what} (i32.const {LIES}) (i32.const {bytes}))");
    put("endless log", Ends::Log, logging(forever(&say("line", 1))));
    put("endless log of nothing", Ends::Log, logging(forever(&say("line", 0))));
    put("log of too many bytes", Ends::Log, logging(forever(&say("line", 6_000))));
    put("giant log line", Ends::Log, logging(format!("{} {}", say("line", 900_000), answer(7, 2, 0, 0))));
    put(
        "log line that is not there",
        Ends::BadOutput,
        logging(format!("{} {}", say("line", u32::MAX), answer(7, 2, 0, 0))),
    );
    put(
        "log line of invalid UTF-8",
        Ends::BadOutput,
        Guest { items: data(LIES, b"\xff"), ..logging(format!("{} {}", say("line", 1), answer(7, 2, 0, 0))) },
    );
    // Work of the host that costs the guest next to nothing must be counted.
    put("endless panics", Ends::Log, logging(forever(&say("panic", 60_000))));
    put("giant panic message", Ends::Log, logging(format!("{} unreachable", say("panic", 900_000))));
    put("panic message and trap", Ends::Trap, logging(format!("{} unreachable", say("panic", 5_000))));
    put("panic message and no trap", Ends::Decided, logging(format!("{} {}", say("panic", 1), answer(7, 2, 0, 0))));
    // During `realloc` the host is passing arguments, and the guest may not call out.
    put(
        "log in realloc",
        Ends::Trap,
        Guest {
            imports: LOG,
            realloc: when_asked_for_room!("(call $line (i32.const 0) (i32.const 1)) i32.const 32768"),
            ..Guest::default()
        },
    );
}

/// A parameter as `describe` returns it: name, kind, default, minimum and maximum, in the canonical ABI.
pub fn parameter(kind: u8, default: (u8, u64), minimum: Option<f64>, maximum: Option<f64>) -> Vec<u8> {
    let mut bytes = Vec::new();
    // The plugin's own name lies at 1024, and its first letter is enough.
    bytes.extend([1024_u32, 1, u32::from(kind), 1024, 1, 0].into_iter().flat_map(u32::to_le_bytes));
    bytes.extend(u64::from(default.0).to_le_bytes());
    bytes.extend(default.1.to_le_bytes());
    for bound in [minimum, maximum] {
        bytes.extend(u64::from(bound.is_some()).to_le_bytes());
        bytes.extend(bound.unwrap_or_default().to_bits().to_le_bytes());
    }
    bytes
}

const INT: u8 = 1;
const NUMBER: u8 = 2;
const TEXTS: u8 = 6;

/// Guests that lie about themselves. All of it is found when they are loaded.
fn descriptions(put: Put<'_>) {
    let lying = |items: String| Guest { items, pages: 64, ..Guest::default() };
    let with_parameter = |bytes: Vec<u8>| {
        let items = data(LIES, &bytes) + &claims(member::PARAMETERS, LIES, (bytes.len() / 72) as u32);
        lying(items)
    };
    let number =
        |default: f64, minimum, maximum| with_parameter(parameter(NUMBER, (3, default.to_bits()), minimum, maximum));
    let rule = |id: u32, name: (u32, u32)| [id, name.0, name.1, 1024, 1];
    let budget = |member: u32, value: u64| lying(data(crate::guest::DESCRIPTION + member, &value.to_le_bytes()));

    put("describe that loops", Ends::Refused, Guest { describe: FOREVER, ..Guest::default() });
    put("describe that traps", Ends::Refused, Guest { describe: "unreachable", ..Guest::default() });
    put("describe beyond memory", Ends::Refused, Guest { describe: "i32.const -8", ..Guest::default() });
    put("describe out of alignment", Ends::Refused, Guest { describe: "i32.const 2049", ..Guest::default() });
    put(
        "describe that takes all memory",
        Ends::Refused,
        Guest {
            describe: "(loop $more (br_if $more (i32.ne (memory.grow (i32.const 64)) (i32.const -1)))) unreachable",
            ..Guest::default()
        },
    );
    put(
        "describe that floods the log",
        Ends::Refused,
        Guest {
            imports: LOG,
            describe: "(loop $again (call $line (i32.const 1024) (i32.const 1)) (br $again)) unreachable",
            ..Guest::default()
        },
    );
    put("trap in start", Ends::Refused, lying(BAD_START.to_owned()));
    put("loop in start", Ends::Refused, lying("(func $start (loop $again (br $again))) (start $start)".to_owned()));
    put("data beyond memory", Ends::Refused, lying("(data (i32.const 4194300) \"too far\")".to_owned()));

    let name = |bytes: &[u8]| lying(data(LIES, bytes) + &claims(member::NAME, LIES, bytes.len() as u32));
    put("empty name", Ends::Refused, name(b""));
    put("name with a path", Ends::Refused, name(b"../../etc/passwd"));
    put("name with a line break", Ends::Refused, name(b"a\nb"));
    put("name of invalid UTF-8", Ends::Refused, name(b"a\xff"));
    put("name of 200 kB", Ends::Refused, name(&[b'a'; 200_000]));
    put("name of a megabyte", Ends::Refused, lying(claims(member::NAME, LIES, 1_000_000)));
    put("name beyond memory", Ends::Refused, lying(claims(member::NAME, LIES, u32::MAX)));
    put("summary beyond memory", Ends::Refused, lying(claims(member::SUMMARY, 4_194_300, 5)));
    put("version of a megabyte", Ends::Refused, lying(claims(member::VERSION, LIES, 1_000_000)));

    let (first, second) = (rule(1, (1024, 1)), rule(1, (1024, 2)));
    let twice = words(LIES, &[first, second].concat()) + &claims(member::RULES, LIES, 2);
    put("rule number twice", Ends::Refused, lying(twice));
    let twice = words(LIES, &[first, rule(2, (1024, 1))].concat()) + &claims(member::RULES, LIES, 2);
    put("rule name twice", Ends::Refused, lying(twice));
    put(
        "rule without a name",
        Ends::Refused,
        lying(words(LIES, &rule(1, (1024, 0))) + &claims(member::RULES, LIES, 1)),
    );
    let many = (0..300).flat_map(|id| rule(id, (1024, 1))).collect::<Vec<_>>();
    put("300 rules", Ends::Refused, lying(words(LIES, &many) + &claims(member::RULES, LIES, 300)));
    put("100 000 rules", Ends::Refused, lying(claims(member::RULES, LIES, 100_000)));
    put("more rules than memory", Ends::Refused, lying(claims(member::RULES, LIES, u32::MAX)));
    let codes = words(LIES, &[1024, 1, 1024, 1]);
    put("code twice", Ends::Refused, lying(codes.clone() + &claims(member::CODES, LIES, 2)));
    put("track twice", Ends::Refused, lying(codes + &claims(member::TRACKS, LIES, 2)));
    put("65 536 codes", Ends::Refused, lying(claims(member::CODES, LIES, 65_536)));

    put("range from NaN", Ends::Refused, number(1.0, Some(f64::NAN), None));
    put("range to NaN", Ends::Refused, number(1.0, None, Some(f64::NAN)));
    put("range upside down", Ends::Refused, number(1.0, Some(2.0), Some(0.0)));
    put("default NaN", Ends::Refused, number(f64::NAN, None, None));
    put("default out of range", Ends::Refused, number(9.0, Some(0.0), Some(1.0)));
    put("default of another type", Ends::Refused, with_parameter(parameter(INT, (4, 1 << 32 | 1024), None, None)));
    put("unknown type of parameter", Ends::Refused, with_parameter(parameter(7, (0, 0), None, None)));
    put("parameter twice", Ends::Refused, with_parameter(parameter(INT, (0, 0), None, None).repeat(2)));
    let endless_default = parameter(TEXTS, (7, u64::from(u32::MAX) << 32), None, None);
    put("default of more texts than memory", Ends::Refused, with_parameter(endless_default));
    put("100 000 parameters", Ends::Refused, lying(claims(member::PARAMETERS, LIES, 40_000)));

    put("fuel budget of 0", Ends::Refused, budget(member::FUEL, 0));
    put("memory budget of 0", Ends::Refused, budget(member::MEMORY, 0));
    // These two are reduced to what the host grants.
    put("fuel budget without end", Ends::Decided, budget(member::FUEL, u64::MAX));
    put("memory budget without end", Ends::Decided, budget(member::MEMORY, u64::MAX));
}

impl Guest {
    /// Adds more items.
    fn with(mut self, items: &str) -> Self {
        self.items.push_str(items);
        self
    }
}
