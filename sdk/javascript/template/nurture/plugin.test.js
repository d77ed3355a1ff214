// Tests in plain JavaScript: node --test. Whole cases are better told in `golden/`.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DAY, Refusal, viewOf } from 'cadenza-sdk';
import plugin from './plugin.js';

const now = new Date('2026-03-02T09:00:00Z');

test('a project that is close is followed weekly until it starts', () => {
  const project_date = new Date(now.getTime() + 10 * DAY);
  const choice = plugin.choose(viewOf(plugin, { now, fields: { project_date } }));
  assert.equal(choice.track, 'weekly');
  assert.equal(choice.lookAgain, 10 * DAY);
});

test('close has to be shorter than far', () => {
  assert.throws(() => plugin.reads({ close: 200 * DAY, far: 120 * DAY }), Refusal);
});
