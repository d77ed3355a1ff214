// Tests that need no build: node --import tsx --test plugin.test.ts. Whole cases are better told in `golden/`.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MINUTE, viewOf } from 'cadenza-sdk';
import plugin from './plugin.ts';

const now = new Date('2026-03-02T09:00:00Z');
const overdue = { point: 0, points: 2, waited: 10 * MINUTE, late: 0, reminders: 0, raised: false };

test('an owner who is at work is reminded first', () => {
  const view = viewOf(plugin, { now, ownerPresent: true, businessElapsed: 10 * MINUTE });
  assert.equal(plugin.decide!(view, overdue).action, 'remind');
  assert.equal(plugin.decide!(view, { ...overdue, reminders: 1 }).action, 'raise');
});

test('nothing is done before patience has run out', () => {
  const view = viewOf(plugin, { now, parameters: { patience: 15 * MINUTE }, businessElapsed: 10 * MINUTE });
  assert.equal(plugin.decide!(view, overdue).action, 'wait');
});
