// A further bot beside the launcher's own, with the same settings at another address.

import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { createServer, request } from "node:http";
import path from "node:path";

import { until } from "./until.mjs";

export class Replica {
  /** `address`: where it listens. */
  static async start(system, address) {
    const pid = await until("the launcher's bot", () => system.pid("bot"));
    const lines = readFileSync(`/proc/${pid}/environ`, "utf8").split("\0").filter(Boolean);
    const env = Object.fromEntries(lines.map((line) => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)]));
    const file = path.join(path.dirname(`/proc/${pid}/exe`), "exe");
    const replica = new Replica();
    replica.process = spawn(file, [], { env: { ...env, BOT_ADDR: address }, stdio: "ignore" });
    await until("the second bot to be ready", async () => (await fetch(`http://${address}/readyz`).catch(() => null))?.ok);
    return replica;
  }

  kill() {
    this.process.kill("SIGKILL");
  }
}

/** What stands before several bots and passes Telegram's calls on in turn, past those that don't answer. */
export class Balancer {
  /** How many calls each address has taken. */
  taken = {};

  static async start(address, targets) {
    const balancer = new Balancer();
    let turn = 0;
    balancer.server = createServer(async (incoming, outgoing) => {
      const chunks = [];
      for await (const chunk of incoming) chunks.push(chunk);
      turn += 1;
      for (let at = 0; at < targets.length; at += 1) {
        const target = targets[(turn + at) % targets.length];
        const status = await pass(target, incoming, Buffer.concat(chunks));
        if (status === null) continue;
        balancer.taken[target] = (balancer.taken[target] ?? 0) + 1;
        outgoing.writeHead(status).end();
        return;
      }
      outgoing.writeHead(502).end();
    });
    const [host, port] = address.split(":");
    await new Promise((resolve) => balancer.server.listen(Number(port), host, resolve));
    return balancer;
  }

  stop() {
    this.server.closeAllConnections();
    this.server.close();
  }
}

function pass(target, incoming, body) {
  const [host, port] = target.split(":");
  return new Promise((resolve) => {
    const call = request({ host, port, path: incoming.url, method: incoming.method, headers: incoming.headers }, (answer) => {
      answer.resume();
      answer.on("end", () => resolve(answer.statusCode));
      answer.on("error", () => resolve(null));
    });
    call.on("error", () => resolve(null));
    call.end(body);
  });
}
