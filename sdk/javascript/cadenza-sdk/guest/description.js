// What a plugin says of itself and wants to see, as the contract has it.

// The largest number that a window on history can have; a larger one would wrap without a word.
const WINDOW_MAX = 65_535;

export function describe(plugin) {
  const { name, version, summary, codes, tracks } = plugin;
  return {
    name,
    version,
    summary,
    parameters: Object.entries(plugin.parameters).map(([name, spec]) => parameter(name, spec)),
    rules: Object.entries(plugin.rules).map(([name, { id, text }]) => ({ id, name, text })),
    tracks: [...tracks],
    codes: [...codes],
    fuelBudget: BigInt(plugin.fuelBudget),
    memoryBudget: BigInt(plugin.memoryBudget),
  };
}

export function viewWanted(plugin, parameters) {
  const reads = plugin.reads(parameters);
  return {
    fields: Object.entries(plugin.fields).map(([name, kind]) => ({ name, kind })),
    touches: windowOf(reads.touches, 'touches'),
    engagement: windowOf(reads.engagement, 'engagement'),
    ownerPresent: reads.ownerPresent === true,
    previousScore: reads.previousScore === true,
    businessElapsed: reads.businessElapsed === true,
  };
}

function windowOf(window, of) {
  if (window === undefined) return undefined;
  const { kinds = [], count, daysBack } = window;
  for (const [name, value] of Object.entries({ count, daysBack })) {
    if (!Number.isInteger(value) || value < 0 || value > WINDOW_MAX) {
      throw new TypeError(`\`${name}\` of ${of} in \`reads\` is a whole number from 0 to ${WINDOW_MAX}, not ${value}`);
    }
  }
  return { kinds, count, daysBack };
}

function parameter(name, { type, summary, default: value, minimum, maximum }) {
  return { name, kind: type, summary, default: literal(type, value), minimum, maximum };
}

function literal(tag, value) {
  if (value === undefined) return { tag: 'blank' };
  switch (tag) {
    case 'int':
    case 'duration':
      return { tag, val: BigInt(value) };
    case 'time':
      return { tag, val: BigInt(value.getTime()) };
    case 'texts':
      return { tag, val: [...value] };
    default:
      return { tag, val: value };
  }
}
