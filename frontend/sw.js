// The service worker: the page and its last figures when the server is out of reach.
//
// The shell is every file that shell.js names. All of them are copied at the installation, and again when the server
// sends one whose ETag differs from its copy's, so that all copies are of one version. The page comes from the server;
// after 2 seconds, or when the server is away, from the copies, and then all of its files do.
//
// Data is a GET with the header X-Offline-Key: the question without bounds that move with the clock. The header is not
// sent on. The answer comes from the server; after 10 seconds, or when the server is away, it is the last good one of
// the same key, with the header X-Offline: the time of that answer (ISO). All else goes to the server untouched, and so
// do PRIVATE paths, with a key or without.
//
// The message {type: "forget"} deletes the data; a port sent along is answered when that is done.

importScripts("shell.js");

const SHELL_CACHE = "shell";
const DATA_CACHE = "data";
const SHELL_TIMEOUT_MS = 2_000;
const DATA_TIMEOUT_MS = 10_000;
const WRITE_EVERY_MS = 60_000; // a screen that asks every few seconds must not wear out its disk
const MOST_ANSWERS = 60;
const AWAY = new Set([502, 503, 504]);
const PRIVATE = /\/api\/v1\/(session|users|keys|audit|organisations)(\/|$)/; // users, keys and the audit trail

const SCOPE = new URL("./", location).href;
const SHELL_ADDRESSES = new Set(self.SHELL.map((file) => new URL(file, SCOPE).href));
const PAGES = new Set([SCOPE, new URL("index.html", SCOPE).href]);

const servedFromCopies = new Set(); // the ids of the clients whose document was a copy
const answers = new Map(); // key to {body, at, written}, oldest first: newer than those on the disk
let timesForgotten = 0;
let copying; // the promise of copies being made anew

self.addEventListener("install", (event) => {
  event.waitUntil(copyShell().then(() => self.skipWaiting()));
});

self.addEventListener("activate", (event) => {
  event.waitUntil(dropOldCopies().then(() => self.clients.claim()));
});

self.addEventListener("message", (event) => {
  if (event.data?.type === "forget") event.waitUntil(forget().then(() => event.ports[0]?.postMessage("forgotten")));
});

self.addEventListener("fetch", (event) => {
  const { request } = event;
  if (request.method !== "GET" || !request.url.startsWith(SCOPE)) return;
  const address = request.url.split(/[?#]/)[0];
  const key = request.headers.get("X-Offline-Key");
  if (PRIVATE.test(address)) return;
  if (key) answerData(event, key);
  else if (request.mode === "navigate" && PAGES.has(address)) answerPage(event);
  else if (request.mode !== "navigate" && SHELL_ADDRESSES.has(address)) answerShellFile(event, address);
});

function answerPage(event) {
  const network = fetch(event.request);
  const copy = shellCopy(SCOPE);
  event.waitUntil(followChange(copy, network));
  event.respondWith(
    networkOr(copy, network, SHELL_TIMEOUT_MS).then(async (response) => {
      if (response === (await copy)) servedFromCopies.add(event.resultingClientId);
      return response;
    }),
  );
}

function answerShellFile(event, address) {
  const copy = shellCopy(address);
  if (servedFromCopies.has(event.clientId)) {
    event.respondWith(copy.then((found) => found ?? fetch(event.request)));
    return;
  }
  const network = fetch(event.request);
  event.waitUntil(followChange(copy, network));
  event.respondWith(networkOr(copy, network, SHELL_TIMEOUT_MS));
}

function answerData(event, key) {
  const headers = new Headers(event.request.headers);
  headers.delete("X-Offline-Key");
  const network = fetch(new Request(event.request, { headers }));
  const before = timesForgotten;
  event.waitUntil(network.then((response) => keep(key, response.clone(), before)).catch(() => {}));
  event.respondWith(networkOr(lastAnswer(key), network, DATA_TIMEOUT_MS));
}

/** The server's answer; the copy instead, if there is one, when the server is away or takes longer. */
async function networkOr(copy, network, milliseconds) {
  const inTime = Promise.race([network, new Promise((resolve) => setTimeout(resolve, milliseconds))]).catch(() => {});
  const found = await copy;
  if (!found) return network;
  const response = await inTime;
  return response && !AWAY.has(response.status) ? response : found;
}

const shellCopy = async (address) => (await caches.open(SHELL_CACHE)).match(address, { ignoreVary: true });

/** Copy the whole shell, or nothing of it. One file after the other: the page's own requests go first. */
async function copyShell() {
  const responses = new Map();
  for (const address of SHELL_ADDRESSES) {
    const response = await fetch(address, { cache: "no-cache" });
    if (!response.ok) throw new Error(`${address} is answered with ${response.status}`);
    responses.set(address, response);
  }
  const cache = await caches.open(SHELL_CACHE);
  await Promise.all([...responses].map(([address, response]) => cache.put(address, response)));
}

/** Copy the shell again when a file differs from its copy. */
async function followChange(copy, network) {
  try {
    const [before, now] = await Promise.all([copy, network]);
    if (!before || !now.ok || before.headers.get("ETag") === now.headers.get("ETag")) return;
    copying ??= copyShell().finally(() => (copying = undefined));
    await copying;
  } catch {
    // The server went away: the copies stay as they are, and the next visit notices the change again.
  }
}

async function dropOldCopies() {
  const cache = await caches.open(SHELL_CACHE);
  const old = (await cache.keys()).filter(({ url }) => !SHELL_ADDRESSES.has(url));
  await Promise.all(old.map((request) => cache.delete(request)));
}

const dataAddress = (key) => new URL(`last-answer?${encodeURIComponent(key)}`, SCOPE).href;

/** The last good answer to the key, marked with its time; undefined if there is none. */
async function lastAnswer(key) {
  const recent = answers.get(key);
  return recent ? marked(recent) : (await caches.open(DATA_CACHE)).match(dataAddress(key));
}

function marked({ body, at }) {
  return new Response(body, { headers: { "Content-Type": "application/json", "X-Offline": at } });
}

async function keep(key, response, forgottenBefore) {
  const unchanged = response.status === 304 ? await lastAnswer(key) : undefined;
  if (response.status !== 200 && !unchanged) return;
  const body = await (unchanged ?? response).blob();
  if (forgottenBefore !== timesForgotten) return; // the question was asked before the data was deleted
  const answer = { body, at: new Date().toISOString(), written: answers.get(key)?.written ?? 0 };
  answers.delete(key);
  answers.set(key, answer);
  if (answers.size > MOST_ANSWERS) answers.delete(answers.keys().next().value);
  if (Date.now() - answer.written < WRITE_EVERY_MS) return;
  answer.written = Date.now();
  await write(key, answer);
}

async function write(key, answer) {
  const cache = await caches.open(DATA_CACHE);
  await cache.put(dataAddress(key), marked(answer));
  const kept = await cache.keys(); // the oldest first
  await Promise.all(kept.slice(0, -MOST_ANSWERS).map((request) => cache.delete(request)));
}

async function forget() {
  timesForgotten += 1;
  answers.clear();
  await caches.delete(DATA_CACHE);
}
