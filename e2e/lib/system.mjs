// The real system: the launcher with its programs, on free ports and in a folder of its own.

import { execFile, spawn } from "node:child_process";
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { randomBytes, randomInt } from "node:crypto";

import { until } from "./until.mjs";

export const run = promisify(execFile);
export const BIN_DIR = path.resolve(process.env.VORONKA_BIN_DIR || path.join(import.meta.dirname, "../../target/debug"));
const START_MS = 60_000;
const STOP_MS = 25_000;
const SHOWN_LOG_LINES = 40;
// Under the ports that the kernel hands out by itself, so that no outgoing connection takes one in between.
const PORTS = [10_000, 19_000];

export const TRAINER_ID = 700_000_001;
export const ANNA_ID = 100_001;
export const JOHN_ID = 100_002;

/** The databases the run can have: SQLite always, PostgreSQL where scripts/with-postgres.sh has started one. */
export const DATABASES = process.env.TEST_POSTGRES_URL ? ["SQLite", "PostgreSQL"] : ["SQLite"];

export async function freePort() {
  for (;;) {
    const port = randomInt(...PORTS);
    const server = createServer();
    const isFree = await new Promise((resolve) => {
      server.once("error", () => resolve(false));
      server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
    });
    if (isFree) return port;
  }
}

export async function createPostgresDatabase() {
  const admin = process.env.TEST_POSTGRES_URL;
  const name = `e2e_${randomBytes(6).toString("hex")}`;
  await run("psql", ["--no-psqlrc", "--quiet", "--command", `CREATE DATABASE ${name}`, admin]);
  const url = new URL(admin);
  url.pathname = `/${name}`;
  return { url: url.toString(), drop: () => run("psql", ["--no-psqlrc", "--quiet", "--command", `DROP DATABASE ${name} WITH (FORCE)`, admin]) };
}

export class System {
  #launcher = null;
  #log = "";
  #database = null;
  #environment = {};

  /** `database`: "SQLite" or "PostgreSQL"; `env`: further configuration, as an owner would set it. */
  static async start({ database = "SQLite", env = {} } = {}) {
    for (const program of ["voronka", "crm-api", "bot", "sandbox"]) {
      if (!existsSync(path.join(BIN_DIR, program))) {
        throw new Error(`${path.join(BIN_DIR, program)} is missing; build it: cargo build -p crm-api -p bot -p sandbox -p launcher`);
      }
    }
    const system = new System();
    system.folder = await mkdtemp(path.join(tmpdir(), "voronka-e2e-"));
    if (database === "PostgreSQL") system.#database = await createPostgresDatabase();
    try {
      await system.launch(env);
    } catch (error) {
      await system.stop();
      throw error;
    }
    return system;
  }

  async launch(env) {
    const [api, bot, sandbox, smtp] = [await freePort(), await freePort(), await freePort(), await freePort()];
    this.api = `http://127.0.0.1:${api}`;
    this.sandbox = `http://127.0.0.1:${sandbox}`;
    // Nothing of this shell's own configuration may leak in.
    this.#environment = {
      PATH: process.env.PATH,
      HOME: this.folder,
      NO_COLOR: "1",
      VORONKA_BIN_DIR: BIN_DIR,
      HTTP_ADDR: `127.0.0.1:${api}`,
      BOT_ADDR: `127.0.0.1:${bot}`,
      SANDBOX_ADDR: `127.0.0.1:${sandbox}`,
      SANDBOX_SMTP_ADDR: `127.0.0.1:${smtp}`,
      ...(this.#database ? { DATABASE_URL: this.#database.url } : {}),
      ...env,
    };
    this.#launcher = spawn(path.join(BIN_DIR, "voronka"), ["run"], {
      cwd: this.folder,
      env: this.#environment,
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.exited = new Promise((resolve) => this.#launcher.once("exit", (code, signal) => resolve({ code, signal })));
    this.exited.then((status) => (this.status = status));
    for (const stream of [this.#launcher.stdout, this.#launcher.stderr]) {
      stream.setEncoding("utf8").on("data", (text) => (this.#log += text));
    }
    await until("the welcome box of `voronka run`", () => {
      if (this.status) throw new Error(`voronka ended with ${JSON.stringify(this.status)} before it was ready\n${this.log()}`);
      return this.#log.includes("Voronka is running");
    }, { within_ms: START_MS, context: () => this.log() });
  }

  /** The last lines of what the programs wrote, without the line that each request leaves. */
  log() {
    return this.#log.split("\n").filter((line) => !line.includes("a request was served")).slice(-SHOWN_LOG_LINES).join("\n");
  }

  /** How many lines the programs have written with these words. */
  count(words) {
    return this.#log.split("\n").filter((line) => line.includes(words)).length;
  }

  /** The one-time password as the welcome box prints it. */
  get adminPassword() {
    return /One-time password · Одноразовый пароль\s+(\S+)/.exec(this.#log)?.[1];
  }

  /** What `voronka doctor` says, beside the running programs. Errors: its words when something is wrong. */
  async doctor() {
    const { stdout } = await run(path.join(BIN_DIR, "voronka"), ["doctor"], { cwd: this.folder, env: this.#environment }).catch((error) => {
      throw new Error(`the doctor is not content:\n${error.stdout}${error.stderr}`);
    });
    return stdout;
  }

  /** The process id of one of this launcher's own programs: "bot", "crm-api" or "sandbox". */
  pid(program) {
    for (const entry of readdirSync("/proc")) {
      if (!/^\d+$/.test(entry)) continue;
      try {
        const stat = readFileSync(`/proc/${entry}/stat`, "utf8");
        const parent = Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
        if (parent === this.#launcher.pid && stat.slice(stat.indexOf("(") + 1, stat.lastIndexOf(")")) === program) return Number(entry);
      } catch {
        // It ended while we were looking.
      }
    }
    return null;
  }

  /** Kills programs the hard way, all at the same moment. */
  async kill(...programs) {
    const pids = [];
    for (const program of programs) pids.push(await until(`the ${program} to run`, () => this.pid(program), { context: () => this.log() }));
    for (const pid of pids) process.kill(pid, "SIGKILL");
    return pids;
  }

  /** Waits until a killed program has been started again and answers. */
  async isBack(program, oldPid) {
    await until(`the launcher to start ${program} again`, () => {
      const pid = this.pid(program);
      return pid && pid !== oldPid;
    }, { context: () => this.log() });
  }

  async stop() {
    if (this.#launcher && !this.status) {
      const programs = ["bot", "crm-api", "sandbox"].map((program) => this.pid(program));
      this.#launcher.kill("SIGTERM");
      const giveUp = setTimeout(() => {
        for (const pid of [this.#launcher.pid, ...programs]) {
          try {
            if (pid) process.kill(pid, "SIGKILL");
          } catch {
            // It is gone already.
          }
        }
      }, STOP_MS);
      await this.exited;
      clearTimeout(giveUp);
    }
    await this.#database?.drop();
    if (process.env.E2E_KEEP) console.error(`kept: ${this.folder}`);
    else await rm(this.folder, { recursive: true, force: true });
  }
}
