//! Components that are hostile before anything of them runs, to whatever reads, checks or compiles them. Each has to be
//! refused with a reason, without taking much time or memory.

use crate::guest::Guest;

/// Every kind of bomb.
pub fn all() -> Vec<(&'static str, Vec<u8>)> {
    let text = |text: String| wat::parse_str(&text).expect("the component is valid text");
    let good = Guest::default().component();
    vec![
        ("nothing", Vec::new()),
        ("no component", b"hello".to_vec()),
        ("core module", text("(module)".to_owned())),
        ("empty component", text("(component)".to_owned())),
        ("cut off", good[..good.len() / 2].to_vec()),
        ("section longer than the file", [&good[..8], &[4, 0xff, 0xff, 0xff, 0xff, 0x0f]].concat()),
        ("imports of WASI", text(clocks())),
        ("10 000 imports", text(imports(10_000))),
        ("import with a name of 60 kB", text(format!("(component (import \"{}\" (func)))", "a".repeat(60_000)))),
        ("other contract", other_contract()),
        ("types that double", text(doubling_types(60))),
        ("types deep in each other", text(nested_lists(500))),
        ("100 000 types", text(format!("(component {})", "(type (list u8))".repeat(100_000)))),
        ("two million types", many_types(2_000_000)),
        ("record of 100 000 fields", text(wide_record(100_000))),
        ("describe of a deep type", text(deep_describe(90))),
        ("components deep in each other", nested_components(5_000)),
        ("instances that double", doubling_instances(24)),
        ("1000 core instances", text(core_instances(1_000))),
        ("two memories in a module", text(many("(memory 1)", 2))),
        ("five modules with a memory each", joined(&good, "(module (memory 1))", 4)),
        ("49 core instances", joined(&good, "(module)", 48)),
        ("100 tables", text(many("(table 1 funcref)", 100))),
        ("5 GB of memory to begin with", text(many("(memory 65536)", 1))),
        ("table of 100 000 to begin with", text(many("(table 100000 funcref)", 1))),
        ("threads", text("(component (core module (memory 1 1 shared)))".to_owned())),
        ("64-bit memory", text("(component (core module (memory i64 1)))".to_owned())),
        ("function of 100 000 locals", text(locals(100_000))),
        ("function of 8 MB that is not valid", text(long_function(2_000_000))),
    ]
}

fn clocks() -> String {
    r#"(component (import "wasi:clocks/wall-clock@0.2.0" (instance (export "now" (func)))))"#.to_owned()
}

fn imports(count: usize) -> String {
    let imports: String = (0..count).map(|n| format!("(import \"host{n}\" (func))")).collect();
    format!("(component {imports})")
}

fn other_contract() -> Vec<u8> {
    Guest { contract: Some(("points: s32,\n    /// How", "points: u32,\n    /// How")), ..Guest::default() }.component()
}

/// Each type holds the previous one twice, so this many of them stand for two to that power.
fn doubling_types(types: usize) -> String {
    let pairs: String = (1..types).map(|n| format!("(type $t{n} (tuple $t{0} $t{0}))", n - 1)).collect();
    format!("(component (type $t0 (tuple u64 u64)) {pairs})")
}

fn nested_lists(depth: usize) -> String {
    let lists: String = (1..depth).map(|n| format!("(type $t{n} (list $t{}))", n - 1)).collect();
    format!("(component (type $t0 (list u8)) {lists} (import \"f\" (func (param \"x\" $t{}))))", depth - 1)
}

/// A type section with this many `list<u8>`, written as bytes because its text would be long.
fn many_types(types: u32) -> Vec<u8> {
    let mut section = leb128(types);
    section.extend([0x70, 0x7d].repeat(types as usize));
    wrap(7, &section)
}

fn wide_record(fields: usize) -> String {
    let fields: String = (0..fields).map(|n| format!("(field \"f{n}\" u8)")).collect();
    format!("(component (type (record {fields})))")
}

/// By its names a plugin, but its `describe` returns something that has to be read recursively.
fn deep_describe(depth: usize) -> String {
    let lists: String = (1..depth).map(|n| format!("(type $t{n} (list $t{}))", n - 1)).collect();
    let last = depth - 1;
    format!(
        r#"(component
            (core module $m (memory (export "memory") 1)
                (func (export "describe") (result i32) i32.const 0)
                (func (export "reads") (result i32) i32.const 0))
            (core instance $i (instantiate $m))
            (type $t0 (list u8)) {lists}
            (func $describe (result $t{last}) (canon lift (core func $i "describe") (memory (core memory $i "memory"))))
            (func $reads (result $t{last}) (canon lift (core func $i "reads") (memory (core memory $i "memory"))))
            (instance $about (export "describe" (func $describe)) (export "reads" (func $reads)))
            (export "cadenza:plugin/describe@1.0.0" (instance $about))
            (instance $scorer (export "score" (func $describe)) (export "score-batch" (func $describe)))
            (export "cadenza:plugin/scorer@1.0.0" (instance $scorer)))"#
    )
}

fn nested_components(depth: usize) -> Vec<u8> {
    (0..depth).fold(header(), |inner, _| wrap(4, &inner))
}

/// Each component makes two instances of the previous one, so this many of them stand for two to that power.
fn doubling_instances(depth: usize) -> Vec<u8> {
    let innermost = "(component $c0 (core module $m (memory 1)) (core instance (instantiate $m)))".to_owned();
    let text = (1..depth).fold(innermost, |inner, n| {
        let before = n - 1;
        format!("(component $c{n} {inner} (instance (instantiate $c{before})) (instance (instantiate $c{before})))")
    });
    wat::parse_str(text).expect("valid text")
}

fn core_instances(count: usize) -> String {
    format!("(component (core module $m (memory 0)) {})", "(core instance (instantiate $m))".repeat(count))
}

/// A component with additional core modules, each in an instance of its own, that are never asked anything.
///
/// Sections can be appended: later ones may be of any kind and refer to what lies before them.
pub fn joined(component: &[u8], module: &str, count: u8) -> Vec<u8> {
    let module = wat::parse_str(module).expect("the module is valid text");
    let mut whole = component.to_vec();
    let mut section = |id: u8, content: &[u8]| whole.extend(&wrap(id, content)[header().len()..]);
    section(1, &module);
    // The good guest's own module is number 0, so this is number 1; it gets no arguments.
    section(2, &[&[count][..], &[0, 1, 0].repeat(usize::from(count))].concat());
    whole
}

fn many(item: &str, count: usize) -> String {
    format!("(component (core module $m {}) (core instance (instantiate $m)))", item.repeat(count))
}

fn locals(count: usize) -> String {
    format!("(component (core module (func (local {}))))", "i64 ".repeat(count))
}

fn long_function(instructions: usize) -> String {
    format!("(component (core module (func {} (drop (i64.const 0)) i32.const 1)))", "nop ".repeat(instructions))
}

fn header() -> Vec<u8> {
    b"\0asm\x0d\0\x01\0".to_vec()
}

/// A component of one section.
fn wrap(section: u8, content: &[u8]) -> Vec<u8> {
    let length = u32::try_from(content.len()).expect("a section is shorter than 4 GB");
    [header(), vec![section], leb128(length), content.to_vec()].concat()
}

fn leb128(mut value: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let low = (value & 0x7f) as u8;
        value >>= 7;
        if value == 0 {
            bytes.push(low);
            return bytes;
        }
        bytes.push(low | 0x80);
    }
}
