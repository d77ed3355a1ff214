// How a plugin declares what it is. Everything is checked here, once, so that what is wrong is said when it is imported.

const NAME = /^[a-z][a-z0-9_]*$/;
const CODE = /^[a-z][a-z0-9_-]{0,63}$/;
const FUEL_BUDGET = 12_000_000;
const MEMORY_BUDGET = 32 * 1024 * 1024;

// The types of parameters and fields, and what a default of each is.
const TYPES = {
  boolean: (value) => typeof value === 'boolean',
  int: Number.isSafeInteger,
  number: Number.isFinite,
  text: (value) => typeof value === 'string',
  time: (value) => value instanceof Date && Number.isFinite(value.getTime()),
  duration: Number.isSafeInteger,
  texts: (value) => Array.isArray(value) && value.every((text) => typeof text === 'string'),
};
const KINDS = ['score', 'choose', 'decide'];
const KNOWN = [
  'name', 'version', 'summary', 'parameters', 'fields', 'rules', 'codes', 'tracks', 'reads', 'fuelBudget', 'memoryBudget',
  ...KINDS,
];

// What is declared is not what the contract allows. `at` is the name it is about, by which the build finds the line.
export class DeclarationError extends TypeError {
  name = 'DeclarationError';

  constructor(message, at) {
    super(message);
    this.at = at;
  }
}

export function definePlugin(declared) {
  const plugin = {
    parameters: {}, fields: {}, rules: {}, codes: [], tracks: [], reads: () => ({}),
    fuelBudget: FUEL_BUDGET, memoryBudget: MEMORY_BUDGET,
    ...declared,
  };
  checkNames(plugin);
  for (const [name, spec] of Object.entries(plugin.parameters)) checkParameter(name, spec);
  for (const [name, type] of Object.entries(plugin.fields)) checkField(name, type);
  checkRules(plugin.rules);
  for (const code of [...plugin.codes, ...plugin.tracks]) {
    if (CODE.test(code)) continue;
    const form = 'at most 64 lower-case letters, digits, `_` and `-`, beginning with a letter';
    throw new DeclarationError(`the code \`${code}\` is not ${form}`, code);
  }
  return Object.freeze(plugin);
}

function checkNames(plugin) {
  const unknown = Object.keys(plugin).find((name) => !KNOWN.includes(name));
  if (unknown !== undefined) {
    const kinds = 'the kinds of decision are score, choose and decide';
    throw new DeclarationError(`a plugin has no \`${unknown}\`; ${kinds}`, unknown);
  }
  for (const name of ['name', 'version', 'summary']) {
    if (typeof plugin[name] !== 'string') throw new DeclarationError(`a plugin needs its \`${name}\`, a text`, 'definePlugin');
  }
  if (!/^[a-z][a-z0-9-]*$/.test(plugin.name)) {
    throw new DeclarationError(`the plugin's name \`${plugin.name}\` is not lower case, digits and \`-\``, 'name');
  }
  const kinds = KINDS.filter((kind) => plugin[kind] !== undefined);
  if (kinds.length === 0) {
    throw new DeclarationError('the plugin takes no decision: give it `score`, `choose` or `decide`', 'definePlugin');
  }
  const wrong = [...kinds, 'reads'].find((kind) => typeof plugin[kind] !== 'function');
  if (wrong !== undefined) throw new DeclarationError(`\`${wrong}\` has to be a function`, wrong);
  if (plugin.choose !== undefined && plugin.tracks.length === 0) {
    throw new DeclarationError('a plugin with `choose` needs `tracks`', 'choose');
  }
}

function checkParameter(name, spec) {
  const wrong = (why) => new DeclarationError(`the parameter \`${name}\` ${why}`, name);
  checkName(name, 'parameter');
  if (!Object.hasOwn(TYPES, spec?.type)) throw wrong(`has no type of ${Object.keys(TYPES).join(', ')}`);
  if (typeof spec.summary !== 'string') throw wrong('needs a `summary`, which the editor shows');
  if (spec.default !== undefined && !TYPES[spec.type](spec.default)) throw wrong(`has a default that is no ${spec.type}`);
  const hasRange = spec.minimum !== undefined || spec.maximum !== undefined;
  if (hasRange && spec.type !== 'int' && spec.type !== 'number') throw wrong(`is a ${spec.type}, which has no range`);
}

function checkField(name, type) {
  checkName(name, 'field');
  if (!Object.hasOwn(TYPES, type)) {
    throw new DeclarationError(`the field \`${name}\` has no type of ${Object.keys(TYPES).join(', ')}`, name);
  }
}

function checkName(name, what) {
  if (!NAME.test(name)) throw new DeclarationError(`the ${what} \`${name}\` is not lower case, digits and \`_\``, name);
}

function checkRules(rules) {
  const seen = new Map();
  for (const [name, rule] of Object.entries(rules)) {
    checkName(name, 'rule');
    if (!Number.isInteger(rule?.id) || rule.id < 0 || rule.id > 65_535 || typeof rule.text !== 'string') {
      throw new DeclarationError(`write the rule as ${name}: { id: 1, text: 'what it says in words' }`, name);
    }
    if (seen.has(rule.id)) {
      throw new DeclarationError(`the rules ${seen.get(rule.id)} and ${name} have the same id ${rule.id}`, name);
    }
    seen.set(rule.id, name);
  }
}
