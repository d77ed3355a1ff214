// What a plugin says while it decides.

import { say } from '#host';

export function log(...parts) {
  for (const line of parts.map(spelt).join(' ').split('\n')) say(line);
}

// As a console would write it, more or less.
function spelt(part) {
  if (typeof part === 'string') return part;
  if (part instanceof Error) return `${part.name}: ${part.message}`;
  if (typeof part !== 'object' || part === null) return String(part);
  try {
    return JSON.stringify(part, (_, value) => (typeof value === 'bigint' ? String(value) : value));
  } catch {
    // It holds itself.
    return String(part);
  }
}
