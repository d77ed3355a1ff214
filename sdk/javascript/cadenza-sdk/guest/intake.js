// Reads what the host passes into what an author sees.

import { OriginalDate } from '../guards.js';
import { UNLISTED } from '../index.js';
import { Refusal } from '../tally.js';
import { View } from '../view.js';

// The moments that a Date can be.
const DATE_MS_MAX = 8.64e15;
const decoder = new TextDecoder();

// For each kind of value what makes of it what the author sees; the names are also the contract's tags.
const READERS = {
  boolean: (val) => val,
  int: (val) => Number(val),
  number: (val) => val,
  text: (val, texts) => texts[val],
  time: (val) => dateOf(val),
  duration: (val) => Number(val),
  texts: (val, texts) => Object.freeze(texts.slice(val.first, val.first + val.count)),
};

// What is known of a plugin before any call.
export function prepare(plugin) {
  const parameters = Object.entries(plugin.parameters).map(([name, spec]) => reader(name, spec.type));
  const fields = Object.entries(plugin.fields).map(([name, type]) => reader(name, type));
  return {
    fieldCount: fields.length,
    codes: plugin.codes,
    parametersOf: (texts, values) => parametersOf(parameters, textsOf(texts), values),
    parametersIn: (texts, values) => parametersOf(parameters, texts, values),
    fieldsIn: (texts, values, first) => fieldsOf(fields, texts, values, first),
  };
}

function reader(name, tag) {
  return { name, tag, read: READERS[tag] };
}

// What came with one call, for all its leads, which are viewed one after another. Nothing that a decision could change is
// in the views of two leads.
export class Call {
  constructor(plan, input) {
    this.plan = plan;
    this.texts = textsOf(input.texts);
    this.now = input.now;
    this.parameters = input.parameters;
    this.fields = input.fields;
    this.touches = input.touches.map((touch) => touchOf(touch, plan.codes));
    this.engagement = input.engagement.map((seen) => engagementOf(seen, plan.codes, this.texts));
    // How much of each was taken by the leads before.
    this.field = 0;
    this.touch = 0;
    this.seen = 0;
  }

  view(lead) {
    const { field, touch, seen } = this;
    this.field += this.plan.fieldCount;
    this.touch += lead.touches;
    this.seen += lead.engagement;
    return new View(
      dateOf(this.now),
      this.plan.parametersIn(this.texts, this.parameters),
      this.plan.fieldsIn(this.texts, this.fields, field),
      this.touches.slice(touch, this.touch),
      this.engagement.slice(seen, this.seen),
      lead.ownerPresent,
      lead.previousScore,
      lead.businessElapsed === undefined ? undefined : Number(lead.businessElapsed),
    );
  }
}

export function overdueOf(overdue) {
  const { point, points, waited, late, reminders, raised } = overdue;
  return { point, points, waited: Number(waited), late: Number(late), reminders, raised };
}

function parametersOf(readers, texts, values) {
  const parameters = {};
  for (let at = 0; at < readers.length; at += 1) {
    const { name, tag, read } = readers[at];
    const value = values[at];
    if (value.tag !== tag) throw new Refusal(`the parameter \`${name}\` was not given its type`);
    parameters[name] = read(value.val, texts);
  }
  return Object.freeze(parameters);
}

function fieldsOf(readers, texts, values, first) {
  const fields = {};
  for (let at = 0; at < readers.length; at += 1) {
    const { name, tag, read } = readers[at];
    const value = values[first + at];
    if (value.tag === tag) fields[name] = read(value.val, texts);
    else if (value.tag === 'blank') fields[name] = undefined;
    else throw new Refusal(`the field \`${name}\` has another type than this plugin reads`);
  }
  return fields;
}

// Every text of a call. When all of them are ASCII they are cut out of one string, which is cheaper.
function textsOf({ joined, ends }) {
  const whole = decoder.decode(joined);
  const isAscii = whole.length === joined.length;
  const texts = new Array(ends.length);
  for (let at = 0, start = 0; at < ends.length; at += 1) {
    const end = ends[at];
    texts[at] = isAscii ? whole.slice(start, end) : decoder.decode(joined.subarray(start, end));
    start = end;
  }
  return texts;
}

function touchOf(touch, codes) {
  return {
    age: touch.age * 1_000,
    channel: codes[touch.channel] ?? UNLISTED,
    outcome: codes[touch.outcome] ?? UNLISTED,
    result: touch.result === undefined ? undefined : (codes[touch.result] ?? UNLISTED),
  };
}

function engagementOf(seen, codes, texts) {
  return { age: seen.age * 1_000, kind: codes[seen.kind] ?? UNLISTED, detail: texts[seen.detail] };
}

function dateOf(ms) {
  return new OriginalDate(Math.max(-DATE_MS_MAX, Math.min(DATE_MS_MAX, Number(ms))));
}
