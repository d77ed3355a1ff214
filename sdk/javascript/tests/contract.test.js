// What goes to and comes from the contract: numbers keep within its widths, and leads of a batch share nothing.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { viewWanted } from '../cadenza-sdk/guest/description.js';
import { Call, prepare } from '../cadenza-sdk/guest/intake.js';
import { Outcome } from '../cadenza-sdk/guest/outcome.js';
import { definePlugin, Tally, viewOf } from '../cadenza-sdk/index.js';

const declared = {
  name: 'tried',
  version: '0.1.0',
  summary: 'Is tried.',
  parameters: {
    since: { type: 'time', summary: 'A time.' },
    words: { type: 'texts', default: ['one'], summary: 'Some texts.' },
  },
  fields: { tags: 'texts' },
  rules: { large: { id: 1, text: 'Large' } },
  score: () => ({ points: 0, segment: 'cold' }),
};
const plugin = definePlugin(declared);
const outcome = new Outcome(plugin);
const rating = (given) => outcome.rating({ points: 0, segment: 'cold', ...given });

const DELAYS = [[1, 1], [999, 1], [1_000, 1], [1_001, 2], [0, 0], [-1, 0], [-5_000, 0], [2 ** 53, 2 ** 32 - 1]];

for (const [ms, seconds] of DELAYS) {
  test(`who asks to be asked again after ${ms} ms is asked after ${seconds} s`, () => {
    assert.equal(rating({ rescoreAfter: ms }).rescoreAfter, seconds);
    assert.equal(outcome.choice({ track: 'x', lookAgain: ms }).lookAgain, seconds);
  });
}

test('when to ask again is a number', () => {
  for (const wrong of [NaN, '5', 5n, {}]) {
    assert.throws(() => rating({ rescoreAfter: wrong }), { name: 'TypeError', message: /`rescoreAfter` is a number/ });
    assert.throws(() => outcome.choice({ track: 'x', lookAgain: wrong }), { name: 'TypeError', message: /`lookAgain` is/ });
  }
});

test('points that would wrap are named', () => {
  const tally = new Tally();
  for (const wrong of [2 ** 32 + 50, 2 ** 31, -(2 ** 31) - 1, 0.5, NaN, '5', undefined]) {
    const form = `a whole number of 32 bits, not ${wrong}`;
    const says = (what) => ({ name: 'TypeError', message: `the points of ${what} are ${form}` });
    assert.throws(() => rating({ points: wrong }), says('a score'));
    assert.throws(() => rating({ reasons: [{ rule: 'large', points: wrong, value: '' }] }), says('`large`'));
    assert.throws(() => tally.add('large', wrong), says('`large`'));
  }
  // What a score may have is the host's to say.
  assert.equal(rating({ points: -(2 ** 31) }).points, -(2 ** 31));
});

test('a value that is too long is cut between characters, whoever made the reason', () => {
  const [reason] = rating({ reasons: [{ rule: 'large', points: 7, value: `x${'ü'.repeat(300)}` }] }).reasons;
  assert.deepEqual(reason, { rule: 1, points: 7, value: `x${'ü'.repeat(127)}` });
});

test('a window that would wrap is named', () => {
  const reading = (window) => viewWanted({ ...plugin, reads: () => ({ touches: window }) }, {}).touches;
  assert.deepEqual(reading({ count: 65_535, daysBack: 0 }), { kinds: [], count: 65_535, daysBack: 0 });
  for (const wrong of [65_546, -1, 1.5, NaN, '8', undefined]) {
    const says = (name) => ({
      name: 'TypeError', message: `\`${name}\` of touches in \`reads\` is a whole number from 0 to 65535, not ${wrong}`,
    });
    assert.throws(() => reading({ count: wrong, daysBack: 1 }), says('count'));
    assert.throws(() => reading({ count: 1, daysBack: wrong }), says('daysBack'));
  }
});

test('codes and tracks are what the host takes', () => {
  for (const code of ['no_answer', 'no-answer', 'a', 'x'.repeat(64)]) {
    definePlugin({ ...declared, codes: [code], tracks: [code] });
  }
  for (const code of ['', '1st', '-a', 'Call', 'no answer', 'ü', 'x'.repeat(65)]) {
    assert.throws(() => definePlugin({ ...declared, codes: [code] }), { name: 'DeclarationError' }, code);
  }
});

test('what a decision does to its view, the next lead of the batch does not see', () => {
  const texts = { first: 0, count: 1 };
  const lead = { touches: 0, engagement: 0 };
  const call = new Call(prepare(plugin), {
    now: 1_000n,
    texts: { joined: Uint8Array.of(97), ends: Uint32Array.of(1) },
    parameters: [{ tag: 'time', val: 2_000n }, { tag: 'texts', val: texts }],
    fields: [{ tag: 'texts', val: texts }, { tag: 'texts', val: texts }],
    touches: [], engagement: [], leads: [lead, lead],
  });
  const first = call.view(lead);
  first.now.setTime(0);
  first.parameters.since.setTime(0);
  assert.throws(() => { first.parameters.since = 1; }, TypeError);
  assert.throws(() => first.parameters.words.push('b'), TypeError);
  assert.throws(() => first.fields.tags.push('b'), TypeError);
  const { now, parameters, fields } = call.view(lead);
  assert.deepEqual([now, parameters, fields], [
    new Date(1_000), { since: new Date(2_000), words: ['a'] }, { tags: ['a'] },
  ]);
});

test('a view for tests can be changed no more than that of the guest', () => {
  const { parameters } = viewOf(plugin, { now: new Date(0), parameters: { since: new Date(0) } });
  assert.throws(() => parameters.words.push('two'), TypeError);
  assert.throws(() => { parameters.words = []; }, TypeError);
  assert.deepEqual(plugin.parameters.words.default, ['one']);
});
