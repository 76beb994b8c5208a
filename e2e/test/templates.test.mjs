// A trainer and the template tables: an edited cell is shown before it serves, a wrong one is named, and the pages about
// the tables can be read on a phone and in the dark.

import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";

import { Crm } from "../lib/crm.mjs";
import { walk } from "../lib/funnel.mjs";
import { Person } from "../lib/person.mjs";
import { story } from "../lib/story.mjs";
import { TRAINER_ID } from "../lib/system.mjs";
import { until } from "../lib/until.mjs";

const SCREENS = process.env.E2E_SCREENS || path.join(tmpdir(), "voronka-e2e-screens");
const SHEET = "1VoronkaTemplatesDemo0000000001";
const WOMEN = 1;
/** Where the column `sets` stands in the shipped tables. */
const SETS = 9;
const NARROW = { width: 390, height: 844 };
const WIDE = { width: 1280, height: 900 };

story("the template tables, from an edited cell to a programme", { env: { TELEGRAM_RATE_PER_SECOND: "0" } }, (world, step) => {
  let crm;
  let trainer;
  let first;

  async function versions() {
    return (await crm.get("/api/templates")).items;
  }

  async function inForce() {
    return (await versions()).find((one) => one.is_in_force);
  }

  /** Types a value into the first row's `sets` on the sandbox's sheet page, as its owner would. */
  async function typeSets(value) {
    const context = await world.browser.chromium.newContext({ viewport: { width: 1400, height: 900 } });
    const page = await context.newPage();
    await page.goto(`${world.system.sandbox}/sheets?sheet=${SHEET}&gid=${WOMEN}`);
    await page.locator(`[data-row="1"][data-column="${SETS}"]`).click();
    await page.keyboard.press("F2");
    await page.getByTestId("cell-input").fill(value);
    await page.getByTestId("cell-input").press("Enter");
    await page.getByTestId("save").click();
    await page.getByTestId("toast").first().waitFor();
    await context.close();
  }

  step("the sheet of a fresh installation serves", async () => {
    await world.sandbox.faults({ telegram: { limits: false } });
    crm = await Crm.signIn(world.system);
    trainer = new Person(world.sandbox, TRAINER_ID);
    await trainer.pressStart();
    await trainer.hears("рабочий чат тренера");
    first = await until("the sheet to be in force", async () => {
      const now = await inForce();
      return now?.source === "sheet" && now;
    }, { context: () => world.system.log() });
  });

  step("an edited cell is shown to the trainer, and the old tables go on serving", async () => {
    await typeSets("4");
    await crm.post("/api/templates/look");
    const notice = await trainer.hears("В таблице программ изменения");
    assert.match(notice.text, /Women_12w_2/);
    assert.deepEqual(notice.buttons, ["✅ Перейти на новую", "Оставить прежнюю"]);
    assert.equal((await inForce()).id, first.id);
    const { pending } = await crm.get("/api/templates/pending");
    assert.equal(pending.difference.details.plans_changed.length, 1);
  });

  step("the trainer uses it, and the next programme is made from it", async () => {
    await trainer.press("✅ Перейти на новую");
    await trainer.hears("Готово: новые программы");
    const now = await inForce();
    assert.notEqual(now.id, first.id);
    const person = await Person.arrive(world.sandbox, { first_name: "Вера" });
    await walk(person);
    const programs = await crm.get("/api/programs");
    assert.equal(programs.items[0].template_hash, now.content_hash);
  });

  step("a wrong cell is told with its place, and so is its mending", async () => {
    await typeSets("много");
    await crm.post("/api/templates/look");
    const notice = await trainer.hears("Таблица программ с ошибкой");
    for (const part of ["Women_12w_2", "строка 2", "sets", "много"]) assert.ok(notice.text.includes(part), notice.text);
    const health = await crm.get("/api/templates/doctor");
    assert.equal(health.trouble.cells[0].cell, "J2");
    await typeSets("3");
    await crm.post("/api/templates/look");
    await trainer.hears("снова в порядке", { after: notice });
  });

  step("a page asks to sign in, without any script, and then shows what clients will get", async () => {
    const context = await world.browser.chromium.newContext({ viewport: NARROW, javaScriptEnabled: false, locale: "ru-RU" });
    const page = await context.newPage();
    await page.goto(`${world.system.api}/admin/templates/coverage`);
    await look(page, "templates-sign-in");
    await page.locator('input[name="email"]').fill("admin@voronka.local");
    await page.locator('input[name="password"]').fill("не тот пароль");
    await page.locator("button.go").click();
    await page.locator('[role="alert"]').waitFor();
    await look(page, "templates-sign-in-wrong");
    await page.locator('input[name="password"]').fill(world.system.adminPassword);
    await page.locator("button.go").click();
    await page.getByRole("heading", { level: 1, name: "Что получат клиенты" }).waitFor();
    world.cookies = await context.cookies();
    await context.close();
  });

  for (const [screen, viewport] of [["narrow", NARROW], ["wide", WIDE]]) {
    for (const colorScheme of ["light", "dark"]) {
      step(`coverage and try-out on a ${screen} ${colorScheme} screen`, async () => {
        const context = await world.browser.chromium.newContext({ viewport, colorScheme, locale: "ru-RU" });
        await context.addCookies(world.cookies);
        const page = await context.newPage();
        const problems = [];
        page.on("console", (message) => message.type() === "error" && problems.push(message.text()));
        page.on("request", (request) => {
          if (!request.url().startsWith(world.system.api)) problems.push(`asked ${request.url()}`);
        });
        for (const [name, address] of [["coverage", "/admin/templates/coverage"], ["try-out", "/admin/templates/try-out?clients=200"]]) {
          await page.goto(world.system.api + address);
          await page.locator("main h1").waitFor();
          await look(page, `templates-${name}-${screen}-${colorScheme}`);
        }
        assert.deepEqual(problems.filter((one) => !one.includes("favicon")), []);
        await context.close();
      });
    }
  }

  /** A picture for people to look at, and what a picture can be checked for: nothing wider than the screen. */
  async function look(page, name) {
    await mkdir(SCREENS, { recursive: true });
    await page.screenshot({ path: path.join(SCREENS, `${name}.png`) });
    const width = await page.locator("html").evaluate((root) => root.scrollWidth - root.clientWidth).catch(() => 0);
    assert.ok(width <= 1, `${name} scrolls sideways by ${width}`);
  }
});
