// The answers that the service worker keeps on this device.

const DATA_CACHE = "data"; // the name in sw.js
const PATIENCE_MS = 2_000;

/** Delete them; resolves when they are gone, from the disk and from the worker's memory. */
export async function forgetOfflineData() {
  const registration = await navigator.serviceWorker?.getRegistration().catch(() => undefined);
  if (registration?.active) await forgotten(registration.active);
  await globalThis.caches?.delete(DATA_CACHE).catch(() => {}); // a worker that did not answer cannot write it again
}

function forgotten(worker) {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = resolve;
    setTimeout(resolve, PATIENCE_MS);
    worker.postMessage({ type: "forget" }, [port2]);
  });
}
