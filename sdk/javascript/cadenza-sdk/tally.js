// Answers: points and reasons are added up in a tally, which then becomes a rating, choice or verdict.

// The least and the most points a score may have.
const POINTS_MAX = 1_000;
// What a number of the contract can hold.
const INT_MIN = -(2 ** 31);
const INT_MAX = 2 ** 31 - 1;

// The most bytes of a reason's value; the contract allows no more.
const VALUE_BYTES_MAX = 256;

// The contract's numbers wrap without a word, so others are found here.
export function checkPoints(points, what) {
  if (!Number.isInteger(points) || points < INT_MIN || points > INT_MAX) {
    throw new TypeError(`the points of ${what} are a whole number of 32 bits, not ${points}`);
  }
}

// As much of a text as a reason may have, cut between characters.
export function beginning(text) {
  // No unit is more than three bytes.
  if (text.length * 3 <= VALUE_BYTES_MAX) return text;
  let bytes = 0;
  let units = 0;
  for (const character of text) {
    const code = character.codePointAt(0);
    bytes += code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    if (bytes > VALUE_BYTES_MAX) return text.slice(0, units);
    units += character.length;
  }
  return text;
}

export class Refusal extends Error {
  name = 'Refusal';
}

export class Tally {
  #points = 0;
  #reasons = [];

  add(rule, points, value = '') {
    checkPoints(points, `\`${rule}\``);
    if (typeof value !== 'string' && !Number.isInteger(value)) {
      throw new TypeError(`the value of a reason is a text or a whole number, not ${value}`);
    }
    this.#points += points;
    this.#reasons.push({ rule, points, value: beginning(String(value)) });
  }

  because(rule, value = '') {
    this.add(rule, 0, value);
  }

  get points() {
    return Math.max(-POINTS_MAX, Math.min(POINTS_MAX, this.#points));
  }

  get reasons() {
    return [...this.#reasons].sort((one, other) => Math.abs(other.points) - Math.abs(one.points));
  }

  rating(segment, rescoreAfter) {
    return { points: this.points, segment, reasons: this.reasons, rescoreAfter };
  }

  choice(track, lookAgain) {
    return { track, lookAgain, reasons: this.reasons };
  }

  verdict(action) {
    return { action, reasons: this.reasons };
  }
}
