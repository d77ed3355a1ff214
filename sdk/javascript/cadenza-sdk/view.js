// What a decision sees, and how tests make one.

import { Tally } from './tally.js';

export class View {
  constructor(now, parameters, fields, touches, engagement, ownerPresent, previousScore, businessElapsed) {
    this.now = now;
    this.parameters = parameters;
    this.fields = fields;
    this.touches = touches;
    this.engagement = engagement;
    this.ownerPresent = ownerPresent;
    this.previousScore = previousScore;
    this.businessElapsed = businessElapsed;
  }

  tally() {
    return new Tally();
  }
}

export function viewOf(plugin, seen) {
  const unknown = Object.keys(seen.fields ?? {}).find((name) => !(name in plugin.fields));
  if (unknown !== undefined) throw new TypeError(`the plugin does not read the field \`${unknown}\``);
  return new View(
    seen.now,
    parametersOf(plugin, seen.parameters ?? {}),
    Object.fromEntries(Object.keys(plugin.fields).map((name) => [name, fixed(seen.fields?.[name])])),
    seen.touches ?? [],
    seen.engagement ?? [],
    seen.ownerPresent,
    seen.previousScore,
    seen.businessElapsed,
  );
}

function parametersOf(plugin, set) {
  const unknown = Object.keys(set).find((name) => !(name in plugin.parameters));
  if (unknown !== undefined) throw new TypeError(`the plugin has no parameter \`${unknown}\``);
  const parameters = Object.fromEntries(
    Object.entries(plugin.parameters).map(([name, spec]) => {
      const value = set[name] ?? spec.default;
      if (value === undefined) throw new TypeError(`the parameter \`${name}\` is required`);
      return [name, fixed(value)];
    }),
  );
  return Object.freeze(parameters);
}

// Texts cannot be changed by a decision, here as in the guest.
function fixed(value) {
  return Array.isArray(value) ? Object.freeze([...value]) : value;
}
