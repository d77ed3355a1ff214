//! Values during rendering, how they print, and what that costs.

use super::locale::Reader;
use super::{BYTES_A_STEP, FUEL, LIST_DEPTH_MAX, LIST_ITEMS_MAX, RENDERED_BYTES_MAX, Stop};
use cadenza_core::date::Date;
use cadenza_core::expr::Object;
use cadenza_core::time::Timestamp;
use cadenza_core::value::Value;
use std::sync::Arc;

/// A value. Copies share large contents.
#[derive(Clone, Debug)]
pub(super) enum Shown {
    Blank,
    Bool(bool),
    Int(i64),
    Number(f64),
    Time(Timestamp),
    Date(Date),
    Duration(i64),
    Text(Arc<str>),
    List(Arc<Items>),
    /// `lead`, `owner`…: has fields, but no text.
    Object(Object),
    Turn(Turn),
}

/// The items of a list, and how deeply it is nested.
#[derive(Debug)]
pub(super) struct Items {
    pub(super) items: Vec<Shown>,
    depth: u8,
}

/// The position of a loop.
#[derive(Clone, Copy, Debug)]
pub(super) struct Turn {
    pub(super) index: usize,
    pub(super) length: usize,
}

impl Shown {
    pub(super) fn text(text: impl Into<Arc<str>>) -> Self {
        Self::Text(text.into())
    }

    pub(super) fn whole(count: usize) -> Self {
        Self::Int(i64::try_from(count).unwrap_or(i64::MAX))
    }

    /// A list. Its cost has already been paid.
    pub(super) fn list(items: Vec<Self>) -> Result<Self, Stop> {
        let depth = |item: &Self| if let Self::List(list) = item { list.depth } else { 0 };
        let depth = 1 + items.iter().map(depth).max().unwrap_or(0);
        if items.len() > LIST_ITEMS_MAX || depth > LIST_DEPTH_MAX {
            return Err(Stop::TooManyItems);
        }
        Ok(Self::List(Arc::new(Items { items, depth })))
    }

    pub(super) fn is_blank(&self) -> bool {
        matches!(self, Self::Blank)
    }

    /// The truth value for `{% if x %}`.
    pub(super) fn is_true(&self) -> bool {
        match self {
            Self::Blank => false,
            Self::Bool(yes) => *yes,
            Self::Int(int) | Self::Duration(int) => *int != 0,
            Self::Number(number) => *number != 0.0,
            Self::Text(text) => !text.is_empty(),
            Self::List(list) => !list.items.is_empty(),
            Self::Time(_) | Self::Date(_) | Self::Object(_) | Self::Turn(_) => true,
        }
    }

    pub(super) fn as_f64(&self) -> Option<f64> {
        match self {
            Self::Int(int) => Some(*int as f64),
            Self::Number(number) => Some(*number),
            _ => None,
        }
    }

    /// What the value is, for messages.
    pub(super) const fn what(&self) -> &'static str {
        match self {
            Self::Blank => "a blank",
            Self::Bool(_) => "true or false",
            Self::Int(_) | Self::Number(_) => "a number",
            Self::Time(_) => "a time",
            Self::Date(_) => "a date",
            Self::Duration(_) => "a duration",
            Self::Text(_) => "a text",
            Self::List(_) => "a list",
            Self::Object(_) | Self::Turn(_) => "an object",
        }
    }
}

/// The remaining steps of a template, and its reader.
pub(super) struct Work<'a> {
    pub(super) reader: &'a Reader,
    fuel: u64,
}

impl<'a> Work<'a> {
    pub(super) const fn new(reader: &'a Reader) -> Self {
        Self { reader, fuel: FUEL }
    }

    pub(super) fn steps(&mut self, steps: usize) -> Result<(), Stop> {
        self.fuel = self.fuel.checked_sub(steps as u64).ok_or(Stop::OutOfFuel)?;
        Ok(())
    }

    /// Pays for bytes that are looked at or made. It must be called before they are made.
    pub(super) fn bytes(&mut self, bytes: usize) -> Result<(), Stop> {
        self.steps(1 + bytes / BYTES_A_STEP)
    }

    /// Pays for a text of this many bytes, within the limit for texts.
    pub(super) fn length(&mut self, bytes: usize) -> Result<(), Stop> {
        if bytes > RENDERED_BYTES_MAX {
            return Err(Stop::TooLong);
        }
        self.bytes(bytes)
    }

    /// Converts one of core's values, and pays for it.
    pub(super) fn take(&mut self, value: Value) -> Result<Shown, Stop> {
        Ok(match value {
            Value::Blank => Shown::Blank,
            Value::Bool(yes) => Shown::Bool(yes),
            Value::Int(int) => Shown::Int(int),
            Value::Number(number) => Shown::Number(number),
            Value::Time(at) => Shown::Time(at),
            Value::Date(date) => Shown::Date(date),
            Value::Duration(ms) => Shown::Duration(ms),
            Value::Text(text) => {
                self.length(text.len())?;
                Shown::text(text)
            }
            Value::List(values) => {
                self.steps(values.len())?;
                let known = values.into_iter().filter(|value| !matches!(value, Value::Blank));
                Shown::list(known.map(|value| self.take(value)).collect::<Result<_, _>>()?)?
            }
        })
    }

    /// The value as a text.
    pub(super) fn text_of(&mut self, value: &Shown) -> Result<Arc<str>, Stop> {
        if let Shown::Text(text) = value {
            return Ok(Arc::clone(text));
        }
        let mut pen = Pen::default();
        pen.print(value, self)?;
        Ok(pen.text.into())
    }
}

/// A text that is being written.
#[derive(Default)]
pub(super) struct Pen {
    pub(super) text: String,
    /// Whether the text is the path of an address. Every value in a path is one part of it, percent-encoded and not blank.
    is_path: bool,
}

impl Pen {
    /// A pen that writes the path of an address.
    pub(super) const fn of_path() -> Self {
        Self { text: String::new(), is_path: true }
    }

    pub(super) fn write(&mut self, text: &str, work: &mut Work<'_>) -> Result<(), Stop> {
        if self.text.len() + text.len() > RENDERED_BYTES_MAX {
            return Err(Stop::TooLong);
        }
        work.bytes(text.len())?;
        self.text.push_str(text);
        Ok(())
    }

    /// Writes a value in the form for people; in a path, in the form for addresses.
    pub(super) fn print(&mut self, value: &Shown, work: &mut Work<'_>) -> Result<(), Stop> {
        if self.is_path {
            let text = work.text_of(value)?;
            if text.trim().is_empty() {
                return Err(Stop::BlankInPath);
            }
            return self.write(&percent_encoded(&text), work);
        }
        match value {
            Shown::Blank => work.steps(1),
            Shown::Bool(yes) => self.write(if *yes { "true" } else { "false" }, work),
            Shown::Int(int) => self.write(&int.to_string(), work),
            // Rust writes 50000 for 50000.0, and never an exponent.
            Shown::Number(number) => self.write(&number.to_string(), work),
            Shown::Time(at) => {
                let text = work.reader.time_in_words(*at);
                self.write(&text, work)
            }
            Shown::Date(date) => {
                let text = work.reader.date_of(date.to_jiff());
                self.write(&text, work)
            }
            Shown::Duration(ms) => self.write(&duration(*ms), work),
            Shown::Text(text) => self.write(text, work),
            Shown::List(list) => {
                for (number, item) in list.items.iter().enumerate() {
                    if number > 0 {
                        self.write(", ", work)?;
                    }
                    self.print(item, work)?;
                }
                work.steps(1)
            }
            Shown::Object(object) => {
                Err(Stop::Mismatch(format!("`{}` alone has no text: say which field", object.as_str())))
            }
            Shown::Turn(_) => Err(Stop::Mismatch("`loop` alone has no text: write `loop.index`".to_owned())),
        }
    }
}

/// A text as a part of an address. Everything is encoded except letters, digits and signs without a meaning in addresses.
pub fn percent_encoded(text: &str) -> String {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~".contains(byte);
    text.bytes().fold(String::with_capacity(text.len()), |mut encoded, byte| {
        if plain(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
        encoded
    })
}

/// `2 d 30 min`. The signs of the units are the same in every language.
fn duration(ms: i64) -> String {
    const UNITS: [(u64, &str); 5] = [(86_400_000, "d"), (3_600_000, "h"), (60_000, "min"), (1_000, "s"), (1, "ms")];
    let mut rest = ms.unsigned_abs();
    let mut parts = Vec::new();
    for (size, unit) in UNITS {
        if rest >= size {
            parts.push(format!("{} {unit}", rest / size));
            rest %= size;
        }
    }
    match (parts.is_empty(), ms < 0) {
        (true, _) => "0 s".to_owned(),
        (false, true) => format!("-{}", parts.join(" ")),
        (false, false) => parts.join(" "),
    }
}
