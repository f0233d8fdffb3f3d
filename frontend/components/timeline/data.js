// The loaded data of the timeline, in pieces of some rows by some days at one level; the least used are dropped first.

import { serverNow } from "../../lib/api.js";
import { decode } from "./decode.js";

export const ROWS_A_PIECE = 25;

/** The levels, the finest first, with the local days that one request asks for: well inside the API's limits. */
const DAYS_A_PIECE = { exact: 2, hour: 16, day: 256 };
const LEVELS = Object.keys(DAYS_A_PIECE);

const AT_ONCE = 3;
const MOST_NUMBERS = 6_000_000; // about 50 MB
const SETTLED_MS = 5 * 60_000; // late events change the past too, so old pieces are loaded again
const RETRY_MS = 5_000;

/**
 * @param {{entity, rows, calendar, load, onChange: () => void}} options `load(query, signal)` resolves with the answer
 *   of GET /metrics/timeline; `onChange` is called when there is something new to draw.
 */
export function createStore({ entity, rows, calendar, load, onChange }) {
  const pieces = new Map();
  const asked = new Set();
  let queue = [];
  let running = 0;
  let held = 0;
  let uses = 0;
  let retry;
  const store = {
    liveEnd: null,
    error: null,
    withheld: false,
    mostUnits: { hour: 1, day: 1 },
    want,
    ask,
    plan,
    refresh,
    stop,
  };

  function piece(level, tile, chunk) {
    const name = `${level} ${tile} ${chunk}`;
    if (!pieces.has(name)) {
      const days = DAYS_A_PIECE[level];
      const [from, to] = [calendar.midnight(tile * days), calendar.midnight((tile + 1) * days)];
      pieces.set(name, { name, level, chunk, from, to, data: null, stale: false, used: 0, loadedAt: 0, request: null });
    }
    return pieces.get(name);
  }

  function* piecesOf(level, chunk, from, to) {
    const days = DAYS_A_PIECE[level];
    for (let tile = Math.floor(calendar.dayOf(from) / days); calendar.midnight(tile * days) < to; tile += 1) {
      yield piece(level, tile, chunk);
    }
  }

  /** Load the missing pieces of these chunks at a level, in this order; earlier requests are dropped. */
  function want(level, chunks, from, to) {
    const wanted = chunks.flatMap((chunk) => [...piecesOf(level, chunk, from, to)]);
    const names = new Set(wanted.map(({ name }) => name));
    for (const one of pieces.values()) {
      if (one.request && !one.data && !names.has(one.name) && !asked.has(one)) {
        one.request.abort();
        one.request = null;
      }
    }
    queue = [...wanted, ...asked].filter((one) => !one.request && (!one.data || one.stale) && one.from < serverNow());
    pump();
  }

  /** Load the piece that holds an instant too, until it is there, whatever is in sight. */
  function ask(level, chunk, at) {
    const [one] = piecesOf(level, chunk, at, at + 1);
    if (one.data || asked.has(one) || one.from >= serverNow()) return;
    asked.add(one);
    onChange();
  }

  function pump() {
    while (running < AT_ONCE && queue.length && !retry) fetchPiece(queue.shift());
  }

  async function fetchPiece(one) {
    const request = new AbortController();
    one.request = request;
    running += 1;
    const ids = rows.slice(one.chunk * ROWS_A_PIECE, (one.chunk + 1) * ROWS_A_PIECE).map(({ id }) => id);
    const query = { entity, from: iso(one.from), to: iso(one.to), id: ids.join(",") };
    if (one.level !== "exact") query.bucket = one.level;
    try {
      const answer = await load(query, request.signal);
      if (!request.signal.aborted) keep(one, decode(answer, entity));
    } catch (error) {
      if (!request.signal.aborted) fail(error);
    }
    if (one.request === request) one.request = null;
    running -= 1;
    pump();
  }

  function keep(one, data) {
    asked.delete(one);
    held += data.weight - (one.data?.weight ?? 0);
    Object.assign(one, { data, stale: false, loadedAt: Date.now() });
    if (data.end < one.to) store.liveEnd = Math.max(store.liveEnd ?? 0, data.end);
    if (data.columns) store.mostUnits[one.level] = Math.max(store.mostUnits[one.level], data.mostUnits);
    store.error = null;
    store.withheld ||= data.rows.some((row) => row.withheld);
    drop();
    onChange();
  }

  function fail(error) {
    asked.clear();
    store.error = error;
    retry ??= setTimeout(() => {
      retry = undefined;
      onChange();
    }, RETRY_MS);
    onChange();
  }

  function drop() {
    if (held <= MOST_NUMBERS) return;
    const oldest = [...pieces.values()]
      .filter(({ data, used }) => data && used < uses - 8)
      .sort((a, b) => a.used - b.used);
    for (const one of oldest) {
      if (held <= MOST_NUMBERS) return;
      held -= one.data.weight;
      pieces.delete(one.name);
    }
  }

  /**
   * The drawable parts of a chunk: gapless stretches {piece, from, to}, `piece` null where nothing is loaded. Where the
   * level is missing, a coarser one is used, else a finer one.
   */
  function plan(level, chunk, from, to) {
    uses += 1;
    const at = LEVELS.indexOf(level);
    const stretches = [];
    cover([level, ...LEVELS.slice(at + 1), ...LEVELS.slice(0, at).reverse()], chunk, from, to, stretches);
    return stretches;
  }

  function cover([level, ...others], chunk, from, to, stretches) {
    if (level === undefined) {
      stretches.push({ piece: null, from, to });
      return;
    }
    for (const one of piecesOf(level, chunk, from, to)) {
      const [start, end] = [Math.max(from, one.from), Math.min(to, one.to)];
      if (one.data) {
        one.used = uses;
        stretches.push({ piece: one, from: start, to: end });
      } else cover(others, chunk, start, end, stretches);
    }
  }

  /** Mark pieces that reach the live end, or were loaded long ago: they are loaded again when next in sight. */
  function refresh() {
    for (const one of pieces.values()) {
      if (one.data && (one.data.end < one.to || Date.now() - one.loadedAt > SETTLED_MS)) one.stale = true;
    }
    onChange();
  }

  /** End all requests; loaded pieces stay. */
  function stop() {
    clearTimeout(retry);
    retry = undefined;
    queue = [];
    for (const one of pieces.values()) {
      one.request?.abort();
      one.request = null;
    }
  }

  return store;
}

const iso = (at) => new Date(at).toISOString();
