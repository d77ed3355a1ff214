// Answers as the contract has them. A wrong type would trap without a word, so it is found here.

import { beginning, checkPoints } from '../tally.js';

const DELAY_SECONDS_MAX = 2 ** 32 - 1;
const SEGMENTS = ['hot', 'warm', 'cold'];
const ACTIONS = ['wait', 'remind', 'raise', 'reassign'];

export class Outcome {
  constructor(plugin) {
    this.ids = new Map(Object.entries(plugin.rules).map(([name, { id }]) => [name, id]));
  }

  rating(answer) {
    if (!SEGMENTS.includes(answer?.segment)) throw wrong('`score` returns a rating with points and a segment', answer);
    checkPoints(answer.points, 'a score');
    const { points, segment, reasons, rescoreAfter } = answer;
    return { points, segment, reasons: this.reasons(reasons), rescoreAfter: delaySeconds(rescoreAfter, 'rescoreAfter') };
  }

  choice(answer) {
    if (typeof answer?.track !== 'string') throw wrong('`choose` returns a choice of a track', answer);
    const { track, lookAgain, reasons } = answer;
    return { track, lookAgain: delaySeconds(lookAgain, 'lookAgain'), reasons: this.reasons(reasons) };
  }

  verdict(answer) {
    if (!ACTIONS.includes(answer?.action)) throw wrong('`decide` returns a verdict with an action', answer);
    return { action: answer.action, reasons: this.reasons(answer.reasons) };
  }

  reasons(reasons = []) {
    return reasons.map(({ rule, points, value }) => {
      const id = this.ids.get(rule);
      if (id === undefined) throw new TypeError(`the plugin has no rule \`${rule}\``);
      checkPoints(points, `\`${rule}\``);
      return { rule: id, points, value: beginning(String(value ?? '')) };
    });
  }
}

// Whole seconds from now on; what is past counts as at once. Never too early: nothing would have changed yet.
function delaySeconds(ms, what) {
  if (ms === undefined || ms === null) return undefined;
  if (typeof ms !== 'number' || Number.isNaN(ms)) throw new TypeError(`\`${what}\` is a number of milliseconds, not ${ms}`);
  return Math.max(0, Math.min(DELAY_SECONDS_MAX, Math.ceil(ms / 1_000)));
}

function wrong(expected, answer) {
  const found = typeof answer?.then === 'function' ? 'a promise: a decision cannot be async' : JSON.stringify(answer);
  return new TypeError(`${expected}, not ${found}`);
}
