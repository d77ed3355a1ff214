// Rehearses decisions while the snapshot is taken: a function is only compiled when it is first called, and in an instance
// that lives for one decision that would be every time. Rehearsed is a lead of which nothing and one of which everything is
// known, both made up. What comes of it is dropped, and so is what goes wrong: an author's code need not expect such leads.

const TEXTS = ['something', 'somebody@example.com'];
const SAMPLES = {
  boolean: true,
  int: 50n,
  number: 50,
  text: 1,
  time: 1_800_000_000_000n,
  duration: 86_400_000n,
  texts: { first: 0, count: 2 },
};

export function rehearse(plugin, decisions) {
  const overdue = { point: 0, points: 3, waited: 300_000n, late: 0n, reminders: 0, raised: false };
  for (const kind of Object.keys(decisions).filter((kind) => plugin[kind] !== undefined)) {
    for (const isKnown of [false, true]) {
      try {
        decisions[kind](input(plugin, isKnown), overdue);
      } catch {
        continue;
      }
    }
  }
}

function input(plugin, isKnown) {
  const value = (type) => ({ tag: type, val: SAMPLES[type] });
  const history = isKnown ? [0, 65_535] : [];
  return {
    now: 1_700_000_000_000n,
    texts: {
      joined: Uint8Array.from(TEXTS.join(''), (letter) => letter.charCodeAt(0)),
      ends: Uint32Array.of(TEXTS[0].length, TEXTS.join('').length),
    },
    parameters: Object.values(plugin.parameters).map(({ type }) => value(type)),
    fields: Object.values(plugin.fields).map((type) => (isKnown ? value(type) : { tag: 'blank' })),
    touches: history.map((code) => ({ age: 3_600, channel: code, outcome: code, result: code })),
    engagement: history.map((code) => ({ age: 3_600, kind: code, detail: 0 })),
    leads: [
      {
        touches: history.length,
        engagement: history.length,
        ownerPresent: isKnown || undefined,
        previousScore: isKnown ? 50 : undefined,
        businessElapsed: isKnown ? 60_000n : undefined,
      },
    ],
  };
}
