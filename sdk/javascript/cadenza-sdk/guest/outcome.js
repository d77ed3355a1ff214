// Answers as the contract has them. A wrong type would trap without a word, so it is found here.

const DELAY_SECONDS_MAX = 2 ** 32 - 1;
const SEGMENTS = ['hot', 'warm', 'cold'];
const ACTIONS = ['wait', 'remind', 'raise', 'reassign'];

export class Outcome {
  constructor(plugin) {
    this.ids = new Map(Object.entries(plugin.rules).map(([name, { id }]) => [name, id]));
  }

  rating(answer) {
    if (!Number.isInteger(answer?.points) || !SEGMENTS.includes(answer.segment)) {
      throw wrong('`score` returns a rating with whole points and a segment', answer);
    }
    const { points, segment, reasons, rescoreAfter } = answer;
    return { points, segment, reasons: this.reasons(reasons), rescoreAfter: delaySeconds(rescoreAfter) };
  }

  choice(answer) {
    if (typeof answer?.track !== 'string') throw wrong('`choose` returns a choice of a track', answer);
    const { track, lookAgain, reasons } = answer;
    return { track, lookAgain: delaySeconds(lookAgain), reasons: this.reasons(reasons) };
  }

  verdict(answer) {
    if (!ACTIONS.includes(answer?.action)) throw wrong('`decide` returns a verdict with an action', answer);
    return { action: answer.action, reasons: this.reasons(answer.reasons) };
  }

  reasons(reasons = []) {
    return reasons.map(({ rule, points, value }) => {
      const id = this.ids.get(rule);
      if (id === undefined) throw new TypeError(`the plugin has no rule \`${rule}\``);
      if (!Number.isInteger(points)) throw new TypeError(`the points of \`${rule}\` are no whole number: ${points}`);
      return { rule: id, points, value: String(value ?? '') };
    });
  }
}

// Whole seconds from now on; what is past counts as at once.
function delaySeconds(ms) {
  if (ms === undefined || ms === null) return undefined;
  if (typeof ms !== 'number' || Number.isNaN(ms)) throw new TypeError(`when to ask again is in milliseconds, not ${ms}`);
  return Math.max(0, Math.min(DELAY_SECONDS_MAX, Math.floor(ms / 1_000)));
}

function wrong(expected, answer) {
  const found = typeof answer?.then === 'function' ? 'a promise: a decision cannot be async' : JSON.stringify(answer);
  return new TypeError(`${expected}, not ${found}`);
}
