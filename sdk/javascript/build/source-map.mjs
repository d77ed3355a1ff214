// Reads the mappings of a source map, as far as lines go.

const DIGITS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';

// For each line of the generated file where its first mapped character is from: the source's number and the line, from 1.
export function originalLines(mappings) {
  let source = 0, line = 0;
  return mappings.split(';').map((segments) => {
    let first;
    for (const segment of segments.split(',').filter((segment) => segment !== '')) {
      // Each number is the difference to the one before it: column, source, line, column, name.
      const [, sourceBy, lineBy] = numbers(segment);
      if (sourceBy === undefined) continue;
      source += sourceBy;
      line += lineBy;
      first ??= { source, line: line + 1 };
    }
    return first;
  });
}

// Base 64 digits of five bits, the lowest first; the sixth bit says that more follow, and the lowest of all is the sign.
function numbers(segment) {
  const all = [];
  let value = 0, shift = 0;
  for (const letter of segment) {
    const digit = DIGITS.indexOf(letter);
    value += (digit & 31) << shift;
    shift += 5;
    if (digit & 32) continue;
    all.push(value & 1 ? -(value >> 1) : value >> 1);
    value = shift = 0;
  }
  return all;
}
