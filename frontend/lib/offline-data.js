// The answers that the service worker keeps on this device.

const DATA_CACHE = "data"; // the name in sw.js
const PATIENCE_MS = 2_000;

/** The browser's service workers; undefined where there are none, or where it refuses them. */
export function serviceWorkers() {
  try {
    return navigator.serviceWorker;
  } catch {
    return undefined;
  }
}

/** Delete them; resolves when they are gone, from the disk and from the worker's memory. */
export async function forgetOfflineData() {
  const registration = await serviceWorkers()
    ?.getRegistration()
    .catch(() => undefined);
  if (registration?.active) await forgotten(registration.active);
  try {
    await globalThis.caches?.delete(DATA_CACHE); // a worker that did not answer cannot write it again
  } catch {
    // storage may be refused; then nothing is kept
  }
}

function forgotten(worker) {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = resolve;
    setTimeout(resolve, PATIENCE_MS);
    worker.postMessage({ type: "forget" }, [port2]);
  });
}
