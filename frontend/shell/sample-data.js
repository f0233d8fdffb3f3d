// The menu's button for the sample data.

import { post } from "../lib/api.js";
import { element } from "../lib/element.js";
import { count } from "../lib/format.js";
import { text } from "../lib/texts.js";
import { explain } from "../components/error-notice.js";

/** The button that replaces the factory's data: it asks first, and reports what really happened. */
export function createReload(place, refresh) {
  const status = element("p", { class: "quiet", role: "status" });
  const load = async () => {
    button.disabled = true;
    status.textContent = text("sample.loading");
    try {
      const { data } = await post("/demo/seed", undefined, { factory: place.factory });
      status.textContent = text("sample.loaded", {
        events: count(data.events),
        workers: count(data.workers),
        stations: count(data.workstations),
      });
      refresh();
    } catch (error) {
      // Without an answer the outcome is unknown.
      status.textContent = text(error.status === 0 ? "sample.unclear" : "sample.failed", { reason: explain(error) });
      if (error.status === 0) refresh();
    }
    button.disabled = false;
    ask();
  };
  const ask = () => {
    button.textContent = text("sample.reload");
    button.onclick = () => {
      status.textContent = text("sample.warning");
      button.textContent = text("sample.sure");
      button.onclick = load;
    };
  };
  const button = element("button", { type: "button", class: "button" });
  ask();
  return element("div", {}, button, status);
}
