// The reader's session: who they are, what they may do in each factory, and the token sent with each request. Only this
// module has the token; it is renewed by a cookie that no script can read.

import { remember, remembered } from "./memory.js";
import { askAs, get, post, remove } from "./api.js";
import { forgetOfflineData } from "./offline-data.js";

const EARLY_MS = 30_000; // a token is renewed this long before it expires
const MEMORY = "session"; // the name in the browser's storage
const AWAY = new Set([0, 502, 503, 504]); // these say nothing about the session

let session = null; // the data of `GET /session/`
let token = null; // {text, until}
let renewing; // the promise of one renewal for all requests

askAs({ bearer, renew: renewed, reader: () => session?.user?.user_id ?? "" });

/** The session as the server describes it; null before it has answered. */
export const current = () => session;

/** True if a user has yet to sign in. */
export const isClosed = () => session.access === "required" && !session.user;

/**
 * Ask who the reader is. Without the server it is the last reader, so that kept figures can be shown.
 * @throws {ApiError} if there was none
 */
export async function begin() {
  try {
    if (csrfCookie()) await renewed(null);
    await look();
  } catch (error) {
    session = recalled();
    if (!AWAY.has(error.status) || !session) throw error;
  }
  if (isClosed()) await forget();
}

/** Ask again what the reader may do. */
export async function look() {
  session = (await get("/session/")).data;
  if (!isClosed()) recall(session);
}

/** @throws {ApiError} `bad_credentials`, `code_required`, `locked_out` */
export async function signIn(email, password, code) {
  take(await post("/session/", { email, password, ...(code && { code }) }, {}, { anonymous: true }));
  await look();
}

/** Change the password; all other sessions of the reader end. */
export async function changePassword(before, after) {
  take(await post("/session/password", { old_password: before, new_password: after }));
  await look();
}

/** End this session, or all of the reader's, and delete what it kept on this device. */
export async function signOut({ everywhere = false } = {}) {
  try {
    await remove(everywhere ? "/session/all" : "/session/", undefined, {}, { headers: csrf() });
  } catch (error) {
    if (error.status !== 401) throw error; // else it has ended already
  } finally {
    await forget();
  }
  location.assign("./");
}

/** The factory's row of the session: {factory_id, name, role, permissions, person_views}; undefined if it has none. */
export const membership = (factory) => session.factories.find(({ factory_id: id }) => id === factory);

/** The reader's home factory: "default", or else the first. */
export const homeFactory = () => (membership("default") ?? session.factories[0])?.factory_id ?? "default";

/** True if the reader has the permission in the factory. A factory that is not theirs is refused by the server. */
export function may(permission, factory) {
  return Boolean((membership(factory) ?? membership(homeFactory()))?.permissions.includes(permission));
}

/** True if figures of single persons may be shown there, under their names or under pseudonyms. */
export function seesPersons(factory) {
  const { person_views: allowed } = membership(factory) ?? { person_views: true };
  return session.k_min <= 1 || (allowed && may("persons", factory));
}

async function bearer() {
  if (!session?.user && !token) return null;
  if (token && Date.now() < token.until) return token.text;
  try {
    return await renewed(token?.text ?? null);
  } catch (error) {
    if (!AWAY.has(error.status)) throw error;
    return token?.text ?? null; // without the server there may still be a kept answer
  }
}

/** A token other than the used one; null when the session is over. */
async function renewed(used) {
  if (token && token.text !== used) return token.text;
  if (!session?.user && !csrfCookie()) return null;
  renewing ??= alone(refresh).finally(() => (renewing = undefined));
  return renewing;
}

/** One tab after the other: each renewal changes the cookie, and a cookie used twice ends the session. */
const alone = (work) => (navigator.locks ? navigator.locks.request("session", work) : work());

async function refresh() {
  try {
    take(await post("/session/refresh", undefined, {}, { anonymous: true, headers: csrf() }));
    return token.text;
  } catch (error) {
    if (error.status !== 401 && error.status !== 403) throw error;
    token = null;
    if (session?.user) await leave();
    return null;
  }
}

/** The session has ended while the page was open. */
async function leave() {
  await forget();
  location.reload();
}

function take({ access_token: text, expires_in: seconds }) {
  token = { text, until: Date.now() + Math.max(seconds * 1000 - EARLY_MS, (seconds * 1000) / 2) };
}

/** Over TLS the name has a prefix, with which no other host can set it. */
const csrfCookie = () => cookie("__Host-factory_csrf") ?? cookie("factory_csrf");

const csrf = () => ({ "X-CSRF-Token": csrfCookie() ?? "" });

function cookie(name) {
  return document.cookie
    .split("; ")
    .find((one) => one.startsWith(`${name}=`))
    ?.slice(name.length + 1);
}

/** Delete everything kept on this device for the reader. */
async function forget() {
  recall(null);
  await forgetOfflineData();
}

function recall(known) {
  const user = known?.user && { user_id: known.user.user_id, name: known.user.name };
  remember(MEMORY, known && JSON.stringify({ ...known, user }));
}

/** The last session that did not end by signing out; null if there is none. */
function recalled() {
  try {
    const known = JSON.parse(remembered(MEMORY));
    return known?.user && !csrfCookie() ? null : known;
  } catch {
    return null;
  }
}

// Another tab signed out, or signed in as another user.
addEventListener("storage", ({ key }) => {
  if (key === MEMORY && session && recalled()?.user?.user_id !== session.user?.user_id) location.reload();
});
