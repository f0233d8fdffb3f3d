// The one module that calls fetch.

const BASE = "api/v1";
const TIMEOUT_MS = 15_000;

/** What went wrong, in a sentence for the reader; `status` is 0 when no answer came. */
export class ApiError extends Error {
  constructor(message, status) {
    super(message);
    this.status = status;
  }
}

/**
 * The JSON answer of a GET route.
 * @param {string} path below the API's base
 * @param {{query?: Record<string, string|undefined>, signal?: AbortSignal}} options
 */
export async function get(path, { query = {}, signal }) {
  const given = Object.entries(query).filter(([, value]) => value !== undefined);
  const limit = AbortSignal.timeout(TIMEOUT_MS);
  const search = given.length ? `?${new URLSearchParams(given)}` : "";
  let response;
  let body;
  try {
    response = await fetch(`${BASE}${path}${search}`, {
      cache: "no-store",
      signal: signal ? AbortSignal.any([signal, limit]) : limit,
    });
    body = await response.json();
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new ApiError(response ? `It answered with status ${response.status}.` : "The server does not answer.", response?.status ?? 0);
  }
  if (!response.ok) throw new ApiError(body.error ?? `It answered with status ${response.status}.`, response.status);
  return body;
}
