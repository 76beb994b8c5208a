// Nobody is linked as the trainer yet: clients read the truth, and the first trainer gets what waited.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import path from "node:path";

import { Crm } from "../lib/crm.mjs";
import { words } from "../lib/funnel.mjs";
import { Person } from "../lib/person.mjs";
import { story } from "../lib/story.mjs";

const SAY = words("ru");

story("no trainer is linked yet", { env: { TELEGRAM_RATE_PER_SECOND: "0" }, browser: false }, (world, step) => {
  step("the sandbox's trainer, whom every demonstration has, is taken away", () => {
    execFileSync("sqlite3", ["-cmd", ".timeout 10000", path.join(world.system.folder, "data/voronka.db"), "DELETE FROM conversations WHERE is_trainer = 1"]);
  });

  step("a client is told that nobody has read the message yet", async () => {
    await world.sandbox.faults({ telegram: { limits: false } });
    for (const name of ["Вера", "Глеб"]) {
      const client = await Person.arrive(world.sandbox, { first_name: name });
      await client.pressStart();
      await client.isAsked(SAY.menu);
      await client.type("Можно заниматься вечером?");
      await client.hears("Тренер ещё не подключил свой чат");
      assert.ok(!(await client.messages()).some((one) => one.text.includes("Передал")), "nobody reads «passed on»");
    }
  });

  step("the first trainer who opens a link gets all of it in one list", async () => {
    const crm = await Crm.signIn(world.system);
    await crm.post("/api/links", { purpose: "trainer" });
    const link = (await crm.get("/api/links")).items.find((one) => one.purpose === "trainer");
    const olga = await Person.arrive(world.sandbox, { first_name: "Ольга" });
    await olga.type(`/start ${link.token}`);
    await olga.hears("теперь уведомления о клиентах приходят в этот чат");
    const list = await olga.hears("накопилось");
    for (const words of ["4", "Новый клиент: Вера", "Новый клиент: Глеб", "Можно заниматься вечером?"]) {
      assert.ok(list.text.includes(words), `the list says «${words}»:\n${list.text}`);
    }
    assert.deepEqual(list.buttons, ["Ответить: Глеб", "Ответить: Вера"]);
  });
});
