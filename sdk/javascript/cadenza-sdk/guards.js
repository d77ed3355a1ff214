// Makes what would differ between two runs or two builds fail at once, with words that say why.
//
// A decision is a pure function of its input: the engine decides again when it replays, and compares. In a guest the clock
// would stand still at the time of the build, and chance would be the same each time. The build imports this before the
// plugin; natively nothing is changed.

const NO_CLOCK = 'asks a clock; a decision is a pure function and has none: use `view.now`';
const NO_CHANCE = 'asks for chance; a decision is a pure function and must come out the same again';
const NO_WAITING = 'waits; a decision takes no time: ask to be asked again with `rescoreAfter` or `lookAgain`';
const NO_NETWORK = 'asks the network; a decision sees its input and nothing else';

// For what the kit itself makes: times that are in the input.
export const OriginalDate = Date;

class ImpureError extends Error {
  name = 'ImpureError';
}

function refusing(what, why) {
  return () => {
    throw new ImpureError(`${what} ${why}`);
  };
}

export function guard(global) {
  const { Date: Original } = global;
  const now = refusing('new Date() without a moment', NO_CLOCK);
  global.Date = new Proxy(Original, {
    construct: (target, given, newTarget) => (given.length === 0 ? now() : Reflect.construct(target, given, newTarget)),
    apply: refusing('Date()', NO_CLOCK),
  });
  Original.prototype.constructor = global.Date;
  Original.now = refusing('Date.now()', NO_CLOCK);
  global.Math.random = refusing('Math.random()', NO_CHANCE);
  replace(global, 'performance', { now: refusing('performance.now()', NO_CLOCK) });
  replace(global, 'crypto', {
    getRandomValues: refusing('crypto.getRandomValues()', NO_CHANCE),
    randomUUID: refusing('crypto.randomUUID()', NO_CHANCE),
  });
  for (const name of ['setTimeout', 'setInterval', 'setImmediate']) replace(global, name, refusing(`${name}()`, NO_WAITING));
  replace(global, 'fetch', refusing('fetch()', NO_NETWORK));
}

function replace(global, name, guard) {
  Object.defineProperty(global, name, { value: guard, writable: true, configurable: true, enumerable: false });
}
