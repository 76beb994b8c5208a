// Chance that can be thrown again: the same seed throws the same numbers (SplitMix64).

const MASK = (1n << 64n) - 1n;

export class Dice {
  constructor(seed) {
    this.state = BigInt(seed) & MASK;
  }

  /** A whole number from 0 to `sides` - 1. */
  roll(sides) {
    this.state = (this.state + 0x9e3779b97f4a7c15n) & MASK;
    let mixed = this.state;
    mixed = ((mixed ^ (mixed >> 30n)) * 0xbf58476d1ce4e5b9n) & MASK;
    mixed = ((mixed ^ (mixed >> 27n)) * 0x94d049bb133111ebn) & MASK;
    return Number((mixed ^ (mixed >> 31n)) % BigInt(sides));
  }

  pick(from) {
    return from[this.roll(from.length)];
  }

  /** True in so many of a hundred cases. */
  chance(percent) {
    return this.roll(100) < percent;
  }
}
