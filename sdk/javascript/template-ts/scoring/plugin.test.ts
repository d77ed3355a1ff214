// Tests that need no build: node --import tsx --test plugin.test.ts. Whole cases are better told in `golden/`.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Refusal, viewOf } from 'cadenza-sdk';
import plugin from './plugin.ts';

const now = new Date('2026-03-02T09:00:00Z');

test('a large company is warm', () => {
  const rating = plugin.score!(viewOf(plugin, { now, parameters: { large: 100 }, fields: { employees: 900 } }));
  assert.equal(rating.segment, 'warm');
  assert.deepEqual(rating.reasons, [{ rule: 'large', points: 20, value: '900' }]);
});

test('hot has to be above warm', () => {
  assert.throws(() => plugin.reads!({ hot: 10, warm: 20, large: 500 }), Refusal);
});
