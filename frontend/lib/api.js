// The one module that calls fetch.

const BASE = "api/v1";
const TIMEOUT_MS = 15_000;
const MOST_KEPT = 60;

/**
 * What went wrong, in a sentence for the reader. `status` is 0 when no answer came; `errors` are the faults of
 * single fields as the API tells them.
 */
class ApiError extends Error {
  constructor(message, status, body = {}) {
    super(message);
    this.status = status;
    this.code = body.code ?? (status ? "unreadable_answer" : "no_answer");
    this.errors = body.errors ?? [];
  }
}

const kept = new Map(); // the last answer of each question, by key: {etag, body}
let ahead = 0; // milliseconds that the server's clock is ahead of ours

/** The server's time in milliseconds, as far as its answers tell it. */
export const serverNow = () => Date.now() + ahead;

/**
 * The JSON answer of a GET route. An answer that has not changed since is the same object as before.
 *
 * `key` names the question: where the window moves with the clock, it is the same question at each refresh. An
 * answer that the service worker kept carries `keptSince` (ISO), when the server could not be reached.
 * @param {string} path below the API's base
 * @param {Record<string, string|undefined>} query
 * @param {{signal?: AbortSignal, key?: string}} options
 * @throws {ApiError}
 */
export async function get(path, query = {}, { signal, key } = {}) {
  const address = `${path}${search(query)}`;
  const name = key ?? address;
  const before = kept.get(name);
  const headers = { "X-Offline-Key": name };
  if (before?.etag) headers["If-None-Match"] = before.etag;
  const response = await ask(address, { headers, cache: "no-store" }, signal);
  if (response.status === 304) {
    keep(name, before);
    return before.body;
  }
  const body = await read(response);
  const offline = response.headers.get("X-Offline");
  if (offline) return { ...body, keptSince: offline };
  if (body.timestamp) ahead = Date.parse(body.timestamp) - Date.now();
  keep(name, { etag: response.headers.get("ETag"), body });
  return body;
}

/**
 * The JSON answer of a POST route.
 * @throws {ApiError}
 */
export async function post(path, body, query = {}) {
  const sent = body === undefined ? {} : { headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) };
  return read(await ask(`${path}${search(query)}`, { method: "POST", cache: "no-store", ...sent }));
}

function search(query) {
  const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== null);
  return given.length ? `?${new URLSearchParams(given)}` : "";
}

async function ask(address, options, signal) {
  const limit = AbortSignal.timeout(TIMEOUT_MS);
  try {
    return await fetch(`${BASE}${address}`, { ...options, signal: signal ? AbortSignal.any([signal, limit]) : limit });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new ApiError("no answer", 0);
  }
}

async function read(response) {
  let body;
  try {
    body = await response.json();
  } catch {
    throw new ApiError(`status ${response.status}`, response.ok ? 0 : response.status);
  }
  if (!response.ok) throw new ApiError(body.error ?? `status ${response.status}`, response.status, body);
  return body;
}

function keep(name, answer) {
  kept.delete(name);
  kept.set(name, answer);
  if (kept.size > MOST_KEPT) kept.delete(kept.keys().next().value);
}
