//! A decision of `inbound-fit` as bytes without a contract, as `tests/guests/floor` reads and writes it.

use cadenza_core::plugin::{Decision, DecisionInput, Reason, Segment};
use cadenza_core::value::Value;

/// The input as `tests/guests/floor` reads it: values one after another, a byte before those that may be blank.
pub fn write_flat(input: &DecisionInput, buffer: &mut Vec<u8>) {
    buffer.extend(input.now.as_ms().to_le_bytes());
    for value in input.parameters.iter() {
        write_value(value, buffer);
    }
    for value in &input.fields {
        buffer.push(u8::from(!value.is_blank()));
        write_value(value, buffer);
    }
    buffer.extend((input.touches.len() as u32).to_le_bytes());
    for touch in &input.touches {
        buffer.extend(touch.age_s.to_le_bytes());
        buffer.extend([touch.channel as u8, 0, touch.outcome as u8, 0, u8::from(touch.result.is_some())]);
        // The position of `callback` among the plugin's codes.
        buffer.extend(touch.result.map(|_| [2, 0]).into_iter().flatten());
    }
    buffer.extend((input.engagement.len() as u32).to_le_bytes());
    for seen in &input.engagement {
        buffer.extend(seen.age_s.to_le_bytes());
        buffer.extend([255, 255]);
        write_text(&seen.detail, buffer);
    }
    buffer.push(u8::from(input.previous_score.is_some()));
    buffer.extend(input.previous_score.map(|score| i64::from(score).to_le_bytes()).into_iter().flatten());
}

fn write_value(value: &Value, buffer: &mut Vec<u8>) {
    match value {
        Value::Text(text) => write_text(text, buffer),
        Value::Int(int) => buffer.extend(int.to_le_bytes()),
        Value::Number(number) => buffer.extend(number.to_le_bytes()),
        Value::Time(at) => buffer.extend(at.as_ms().to_le_bytes()),
        Value::List(values) => {
            buffer.extend((values.len() as u32).to_le_bytes());
            values.iter().for_each(|value| write_value(value, buffer));
        }
        Value::Blank => {}
        Value::Bool(_) | Value::Duration(_) | Value::Date(_) => unreachable!("inbound-fit reads none"),
    }
}

fn write_text(text: &str, buffer: &mut Vec<u8>) {
    buffer.extend((text.len() as u32).to_le_bytes());
    buffer.extend(text.as_bytes());
}

/// The answer as `tests/guests/floor` writes it.
pub fn read_flat(bytes: &[u8]) -> Decision {
    let mut rest = bytes;
    let mut take = |count: usize| {
        let (head, tail) = rest.split_at(count);
        rest = tail;
        head
    };
    let points = i32::from_le_bytes(take(4).try_into().expect("four bytes"));
    let segment = Segment::ALL[usize::from(take(1)[0])];
    let rescore_after_s = u32::from_le_bytes(take(4).try_into().expect("four bytes"));
    let reasons = (0..take(1)[0])
        .map(|_| Reason {
            rule: u16::from_le_bytes(take(2).try_into().expect("two bytes")),
            points: i32::from_le_bytes(take(4).try_into().expect("four bytes")),
            value: {
                let bytes = usize::from(take(1)[0]);
                String::from_utf8(take(bytes).to_vec()).expect("it writes UTF-8")
            },
        })
        .collect();
    let rescore_after_s = (rescore_after_s != u32::MAX).then_some(rescore_after_s);
    Decision::Score { points, segment, reasons, rescore_after_s }
}
