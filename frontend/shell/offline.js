// The service worker, which keeps answers for when the server is away.

import { forgetAnswers } from "../lib/api.js";
import { serviceWorkers } from "../lib/offline-data.js";

/** Register the worker. The first answers came before it took over, so `refresh` asks for them again. */
export function keepForOffline(refresh) {
  const workers = serviceWorkers();
  if (!workers) return;
  const askWhole = () => {
    forgetAnswers(); // the worker cannot keep an answer that only says "unchanged"
    refresh();
  };
  if (!workers.controller) workers.addEventListener("controllerchange", askWhole, { once: true });
  workers.register("sw.js").catch(() => {}); // without it there are no figures offline; all else works
}
