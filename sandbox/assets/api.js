// Requests to the sandbox server, and its stream of events.

import { say } from "./language.js";

/** What the server refused, or that it could not be reached (`status` 0). */
export class RequestFailed extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

async function call(method, path, body, headers) {
  let response;
  try {
    response = await fetch(path, { method, body, headers, cache: "no-store" });
  } catch {
    throw new RequestFailed(0, say("Песочница не отвечает. Она запущена?", "The sandbox does not answer. Is it running?"));
  }
  if (!response.ok) throw new RequestFailed(response.status, await reason(response));
  return response;
}

/** Errors may be plain text or JSON with the sentence under one of the usual names. */
async function reason(response) {
  const text = await response.text();
  try {
    const parsed = JSON.parse(text);
    return parsed.error ?? parsed.detail ?? parsed.message ?? text;
  } catch {
    return text || say(`Ошибка ${response.status}`, `Error ${response.status}`);
  }
}

async function json(response) {
  const text = await response.text();
  return text ? JSON.parse(text) : null;
}

export async function get(path) {
  return json(await call("GET", path));
}

export async function getText(path) {
  return (await call("GET", path)).text();
}

export async function post(path, body = {}) {
  return json(await call("POST", path, JSON.stringify(body), { "content-type": "application/json" }));
}

export async function put(path, body) {
  return json(await call("PUT", path, JSON.stringify(body), { "content-type": "application/json" }));
}

export async function putText(path, text, contentType) {
  return call("PUT", path, text, { "content-type": contentType });
}

const KINDS = ["edited", "deleted", "typing", "callback_answer", "keyboard", "user", "clock", "faults", "commands", "bank", "mail"];
const FIRST_RETRY_MS = 400;
const LONGEST_RETRY_MS = 5000;

/**
 * The live stream. It reconnects by itself and calls `onOpen` after each connection, because whatever the page shows
 * must then be read again: those snapshots cover the gap. Each connection asks for new events only (`after=0`), since a
 * sandbox that was started anew counts from the beginning and would wait for the old number to come round.
 */
export class EventStream {
  constructor({ onEvent, onOpen, onLost }) {
    this.handlers = { onEvent, onOpen, onLost };
    this.lastSeq = 0;
    this.retry_ms = FIRST_RETRY_MS;
  }

  connect() {
    const source = new EventSource("/sandbox/events?after=0");
    this.lastSeq = 0;
    source.onopen = () => {
      this.retry_ms = FIRST_RETRY_MS;
      this.handlers.onOpen();
    };
    const receive = (raw) => {
      let event;
      try {
        event = JSON.parse(raw.data);
      } catch {
        return;
      }
      if (event.seq <= this.lastSeq) return;
      this.lastSeq = event.seq ?? this.lastSeq;
      this.handlers.onEvent(event);
    };
    source.onmessage = receive;
    for (const kind of KINDS) source.addEventListener(kind, receive);
    source.onerror = () => {
      source.close();
      this.handlers.onLost();
      setTimeout(() => this.connect(), this.retry_ms);
      this.retry_ms = Math.min(this.retry_ms * 2, LONGEST_RETRY_MS);
    };
  }
}
