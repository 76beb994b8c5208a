// Waiting for a condition with a deadline, never for a length of time.

import { setTimeout as pause } from "node:timers/promises";

const LOOK_AGAIN_MS = 40;
export const PATIENCE_MS = 20_000;

/**
 * Asks `look` until it returns something truthy, and returns that. `what` ends the sentence "waited for …";
 * `context()` adds what was seen last. Errors: one with that sentence, after `within_ms`.
 */
export async function until(what, look, { within_ms = PATIENCE_MS, context = null } = {}) {
  const deadline = Date.now() + within_ms;
  for (;;) {
    const seen = await look();
    if (seen) return seen;
    if (Date.now() > deadline) {
      const details = context ? `\n${await context()}` : "";
      throw new Error(`waited ${Math.round(within_ms / 1000)} s for ${what}${details}`);
    }
    await pause(LOOK_AGAIN_MS);
  }
}
