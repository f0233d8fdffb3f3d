// The one module that calls fetch.

const BASE = "api/v1";
const TIMEOUT_MS = 15_000;
const MOST_KEPT = 60;
const PRIVATE = /^\/(session|users|keys|audit|organisations)\b/; // never kept for use without a server
const TYPED = new Set(["bad_credentials", "code_required"]); // what was typed is refused, not the token

/**
 * An error with a sentence for the reader. `status` is 0 when no answer came; `errors` are the API's faults of single
 * fields; `wait` is the number of seconds that the server asks to wait, else null.
 */
class ApiError extends Error {
  constructor(message, status, body = {}, wait = null) {
    super(message);
    this.status = status;
    this.code = body.code ?? (status ? "unreadable_answer" : "no_answer");
    this.errors = body.errors ?? [];
    this.wait = wait;
  }
}

// Credentials, set by lib/session.js: `bearer` resolves to the token to send, or null; `renew` takes the refused token
// and resolves to another, or null; `reader` keeps apart the kept answers of different readers.
let credentials = { bearer: async () => null, renew: async () => null, reader: () => "" };

/** Use these credentials for all requests from now on. */
export const askAs = (given) => {
  credentials = given;
};

const confirmed = new WeakMap(); // the time (ISO) at which the server last said that an answer has not changed
const kept = new Map(); // the last answer of each question, by key: {etag, body}
let ahead = 0; // by which the server's clock is ahead of ours, in milliseconds

/** The time (ISO) up to which an answer holds: when it was made, or when the server last said that it is unchanged. */
export const holdsAt = (answer) => confirmed.get(answer) ?? answer.window?.evaluated_at ?? answer.timestamp;

/** The server's time in milliseconds, by its latest answer. */
export const serverNow = () => Date.now() + ahead;

/**
 * The JSON answer of a GET route. An answer that has not changed since is the same object as before.
 *
 * `key` names the question: a window that moves with the clock is the same question at each refresh. An answer that the
 * service worker kept carries `keptSince` (ISO), when the server could not be reached.
 * @param {string} path below the API's base
 * @param {Record<string, string|undefined>} query
 * @param {{signal?: AbortSignal, key?: string}} options
 * @throws {ApiError}
 */
export async function get(path, query = {}, { signal, key } = {}) {
  const address = `${path}${search(query)}`;
  const name = key ?? address;
  const before = kept.get(name);
  const headers = PRIVATE.test(path) ? {} : { "X-Offline-Key": `${credentials.reader()} ${name}` };
  if (before?.etag) headers["If-None-Match"] = before.etag;
  const response = await ask(address, { headers, cache: "no-store" }, signal);
  if (response.status === 304) {
    confirmed.set(before.body, new Date(Date.parse(response.headers.get("Date")) || serverNow()).toISOString());
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
 * The JSON answer of a route that changes something. `anonymous` sends no token.
 * @param {string} path below the API's base
 * @param {unknown} body undefined for none
 * @param {Record<string, string|undefined>} query
 * @param {{anonymous?: boolean, headers?: Record<string, string>, seconds?: number}} options `seconds` to wait for the
 *   answer
 * @throws {ApiError}
 */
export const post = (path, body, query, options) => change("POST", path, body, query, options);
export const patch = (path, body, query, options) => change("PATCH", path, body, query, options);
export const remove = (path, body, query, options) => change("DELETE", path, body, query, options);

async function change(method, path, body, query = {}, { anonymous = false, headers = {}, seconds } = {}) {
  const typed = body === undefined ? {} : { "Content-Type": "application/json" };
  const options = {
    method,
    cache: "no-store",
    headers: { ...typed, ...headers },
    body: body === undefined ? undefined : JSON.stringify(body),
  };
  const address = `${path}${search(query)}`;
  const limit = seconds && AbortSignal.timeout(seconds * 1000);
  return read(await (anonymous ? send(address, options, null) : ask(address, options, undefined, limit)));
}

function search(query) {
  const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== null);
  return given.length ? `?${new URLSearchParams(given)}` : "";
}

/** Send a request with the reader's token, and again with a fresh one where that is refused. */
async function ask(address, options, signal, limit) {
  const bearer = await credentials.bearer();
  const response = await send(address, options, bearer, signal, limit);
  if (response.status !== 401 || TYPED.has(await codeOf(response))) return response;
  const fresh = await credentials.renew(bearer);
  return fresh ? send(address, options, fresh, signal, limit) : response;
}

async function send(address, options, bearer, signal, limit = AbortSignal.timeout(TIMEOUT_MS)) {
  const headers = bearer ? { ...options.headers, Authorization: `Bearer ${bearer}` } : options.headers;
  try {
    return await fetch(`${BASE}${address}`, {
      ...options,
      headers,
      signal: signal ? AbortSignal.any([signal, limit]) : limit,
    });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new ApiError("no answer", 0);
  }
}

const codeOf = async (response) =>
  (
    await response
      .clone()
      .json()
      .catch(() => ({}))
  ).code;

async function read(response) {
  let body;
  try {
    body = await response.json();
  } catch {
    throw new ApiError(`status ${response.status}`, response.ok ? 0 : response.status);
  }
  if (response.ok) return body;
  const wait = Number.parseInt(response.headers.get("Retry-After"), 10);
  throw new ApiError(
    body.error ?? `status ${response.status}`,
    response.status,
    body,
    Number.isNaN(wait) ? null : wait,
  );
}

/** Forget all answers, so that the next requests ask for whole ones. */
export const forgetAnswers = () => kept.clear();

function keep(name, answer) {
  kept.delete(name);
  kept.set(name, answer);
  if (kept.size > MOST_KEPT) kept.delete(kept.keys().next().value);
}
