// Answers: points and reasons are added up in a tally, which then becomes a rating, choice or verdict.

// The least and the most points a score may have.
const POINTS_MAX = 1_000;
// What a number of the contract can hold.
const INT_MAX = 2 ** 31 - 1;

export class Refusal extends Error {
  name = 'Refusal';
}

export class Tally {
  #points = 0;
  #reasons = [];

  add(rule, points, value = '') {
    if (!Number.isInteger(points) || Math.abs(points) > INT_MAX) {
      throw new TypeError(`points are a whole number of 32 bits, not ${points}`);
    }
    if (typeof value !== 'string' && !Number.isInteger(value)) {
      throw new TypeError(`the value of a reason is a text or a whole number, not ${value}`);
    }
    this.#points += points;
    this.#reasons.push({ rule, points, value: String(value) });
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
