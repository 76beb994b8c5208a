// Sandbox, CRM API and bot without a launcher, so that they can be killed as often as a test likes: whoever dies by the
// test's hand is started again at once, with the same configuration, on the same books.

import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { randomBytes } from "node:crypto";

import { BIN_DIR, TRAINER_ID, createPostgresDatabase, freePort, run } from "./system.mjs";
import { until } from "./until.mjs";

const READY_MS = 60_000;
const STOP_MS = 15_000;
const SHOWN_LOG_LINES = 60;

export class Mortals {
  #living = {};
  #isStopping = false;
  #log = [];
  /** Deaths that nobody here has caused. */
  accidents = [];

  static async start({ database, env = {} }) {
    const mortals = new Mortals();
    mortals.folder = await mkdtemp(path.join(tmpdir(), "voronka-mortals-"));
    if (database === "PostgreSQL") mortals.database = await createPostgresDatabase();
    const [api, bot, sandbox] = [await freePort(), await freePort(), await freePort()];
    mortals.api = `http://127.0.0.1:${api}`;
    mortals.bot = `http://127.0.0.1:${bot}`;
    mortals.sandbox = `http://127.0.0.1:${sandbox}`;
    mortals.adminPassword = randomBytes(12).toString("hex");
    mortals.env = {
      PATH: process.env.PATH,
      HOME: mortals.folder,
      NO_COLOR: "1",
      RUST_LOG: process.env.E2E_LOG || "warn,crm_api::observe=error",
      RATE_LIMIT_PER_MINUTE: "1000000",
      MASTER_KEY: `k1:${randomBytes(32).toString("base64")}`,
      CRM_API_TOKEN: randomBytes(24).toString("hex"),
      ADMIN_PASSWORD: mortals.adminPassword,
      DATABASE_URL: mortals.database?.url ?? `sqlite://${mortals.folder}/voronka.db`,
      STORAGE_URL: `file:${mortals.folder}/files`,
      HTTP_ADDR: `127.0.0.1:${api}`,
      PUBLIC_URL: mortals.api,
      CRM_API_URL: mortals.api,
      BOT_ADDR: `127.0.0.1:${bot}`,
      TRUSTED_PROXIES: "127.0.0.1",
      TELEGRAM_BOT_TOKEN: `7000000001:${"SANDBOX-demo-token".padEnd(35, "-")}`,
      TELEGRAM_API_URL: mortals.sandbox,
      TELEGRAM_RATE_PER_SECOND: "0",
      TRAINER_TELEGRAM_IDS: String(TRAINER_ID),
      YOOKASSA_SHOP_ID: "100500",
      YOOKASSA_SECRET_KEY: "test_SANDBOX-demo-secret",
      YOOKASSA_API_URL: `${mortals.sandbox}/yookassa/v3`,
      TBANK_TERMINAL_KEY: "1699999999999DEMO",
      TBANK_PASSWORD: "SANDBOX-demo-password",
      TBANK_API_URL: `${mortals.sandbox}/tbank`,
      CLOCK_URL: `${mortals.sandbox}/sandbox/clock`,
      SANDBOX_ADDR: `127.0.0.1:${sandbox}`,
      SANDBOX_SMTP_ADDR: "0",
      SANDBOX_PRODUCT_URL: mortals.api,
      ...env,
    };
    try {
      mortals.#spawn("sandbox");
      await mortals.isReady("sandbox");
      mortals.#spawn("crm-api");
      mortals.#spawn("bot");
      await mortals.isReady("crm-api");
      await mortals.isReady("bot");
    } catch (error) {
      await mortals.stop();
      throw error;
    }
    return mortals;
  }

  #spawn(name) {
    const process = spawn(path.join(BIN_DIR, name), name === "crm-api" ? ["serve"] : [], { cwd: this.folder, env: this.env, stdio: ["ignore", "pipe", "pipe"] });
    this.#living[name] = process;
    for (const stream of [process.stdout, process.stderr]) {
      stream.setEncoding("utf8").on("data", (text) => {
        for (const line of text.split("\n").filter(Boolean)) this.#log.push(`${name}: ${line}`);
      });
    }
    process.ended = new Promise((resolve) => process.once("exit", (code, signal) => {
      if (!this.#isStopping) {
        if (signal !== "SIGKILL") this.accidents.push(`${name} ended by itself: ${code ?? signal}`);
        this.#spawn(name);
      }
      resolve();
    }));
  }

  /** kill -9. */
  kill(name) {
    this.#living[name].kill("SIGKILL");
  }

  isReady(name) {
    const address = { sandbox: `${this.sandbox}/healthz`, "crm-api": `${this.api}/readyz`, bot: `${this.bot}/readyz` }[name];
    const asks = async () => (await fetch(address).catch(() => null))?.ok;
    return until(`${name} to be ready`, asks, { within_ms: READY_MS, context: () => this.log() });
  }

  /** Cuts every connection that the API has to PostgreSQL. */
  async cutConnections() {
    const name = new URL(this.database.url).pathname.slice(1);
    const sql = `SELECT COUNT(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = '${name}'`;
    await run("psql", ["--no-psqlrc", "--quiet", "--command", sql, process.env.TEST_POSTGRES_URL]);
  }

  /** What `crm-api doctor` says, and whether all is well. */
  async doctor() {
    const finished = await run(path.join(BIN_DIR, "crm-api"), ["doctor"], { cwd: this.folder, env: this.env }).then(
      ({ stdout, stderr }) => ({ isWell: true, text: stdout + stderr }),
      ({ stdout, stderr }) => ({ isWell: false, text: stdout + stderr }),
    );
    return finished;
  }

  log(lines = SHOWN_LOG_LINES) {
    return this.#log.slice(-lines).join("\n");
  }

  /** Lines of the log with these words. */
  logged(words) {
    return this.#log.filter((line) => line.includes(words));
  }

  async stop() {
    this.#isStopping = true;
    const all = Object.values(this.#living);
    for (const process of all) process.kill("SIGTERM");
    const giveUp = setTimeout(() => all.forEach((process) => process.kill("SIGKILL")), STOP_MS);
    await Promise.all(all.map((process) => process.ended));
    clearTimeout(giveUp);
    await this.database?.drop();
    if (process.env.E2E_KEEP) console.error(`kept: ${this.folder}`);
    else await rm(this.folder, { recursive: true, force: true });
  }
}
