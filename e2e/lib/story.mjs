// A story is told step by step against one running system: a step that fails ends it, since the next ones build on it.

import { mkdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, describe, it } from "node:test";

import { Browser } from "./browser.mjs";
import { Sandbox } from "./sandbox.mjs";
import { System } from "./system.mjs";

const STORY_MS = 240_000;
const FAILURES = path.join(tmpdir(), "voronka-e2e-failures");

/**
 * `tell(world, step)` declares the steps by `step(title, async () => …)`. The world has `system`, `sandbox` and `browser`
 * from the first step on. `options`: what `System.start` takes; `browser: false` when nobody needs a screen.
 */
export function story(title, options, tell) {
  describe(title, { timeout: STORY_MS }, () => {
    const world = {};
    let broken = null;
    before(async () => {
      const { browser = true, ...system } = options;
      world.system = await System.start(system);
      world.sandbox = new Sandbox(world.system.sandbox);
      await world.sandbox.connected();
      if (browser) world.browser = await Browser.open();
    });
    after(async () => {
      await world.browser?.close();
      await world.system?.stop();
    });
    tell(world, (name, act) => it(name, async () => {
      if (broken) throw new NotTried(broken);
      try {
        await act();
      } catch (error) {
        broken = name;
        await describeFailure(world, title, error);
        throw error;
      }
    }));
  });
}

/** Its own step says all there is to say, so it brings no stack. */
class NotTried extends Error {
  constructor(broken) {
    super(`not tried, because this failed before: ${broken}`);
    this.stack = this.message;
  }
}

async function describeFailure(world, title, error) {
  error.message += `\n── the programs said last:\n${world.system.log()}`;
  if (!world.browser) return;
  await mkdir(FAILURES, { recursive: true });
  for (const [index, page] of world.browser.pages().entries()) {
    const file = path.join(FAILURES, `${title.replaceAll(/[^\p{L}\d]+/gu, "-")}-${index}.png`);
    await page.screenshot({ path: file, timeout: 5_000 }).then(() => (error.message += `\n── the screen: ${file}`), () => {});
  }
}
