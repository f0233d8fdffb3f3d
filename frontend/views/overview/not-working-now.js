// Workers who are not working at this moment, the longest first: where a supervisor would go.

import { element } from "../../lib/element.js";
import { toldApart } from "../../lib/names.js";
import { text } from "../../lib/texts.js";
import { emptyNotice } from "../../components/error-notice.js";

const MOST = 6;
const AWAITED = ["unknown", "idle"];

/** @returns {{node, show(now, at)}} `now` is the data of `GET /metrics/now`, `at` the moment of it */
export function createNotWorkingNow({ link, format }) {
  const list = element("ul", { class: "not-working-now" });
  const more = element("a", { class: "quiet" });
  const node = element(
    "section",
    { class: "card", "aria-labelledby": "not-working-now" },
    element("header", {}, element("h2", { id: "not-working-now" }, text("now.title")), more),
    element("div", { class: "body" }, list),
  );

  function show(now, at) {
    // Workers who were never seen, or went home, are not missed.
    const found = toldApart(now.workers, "worker_id").filter(
      ({ state, since }) => AWAITED.includes(state) && since !== null,
    );
    found.sort((a, b) => Date.parse(a.since) - Date.parse(b.since));
    list.replaceChildren(...found.slice(0, MOST).map((worker) => line(worker, at)));
    if (found.length === 0)
      list.replaceChildren(element("li", {}, emptyNotice(now.active_worker_count ? "now.all_working" : "now.nobody")));
    more.textContent = text("now.more");
    more.hidden = found.length <= MOST;
    more.href = link({ view: "workers", state: AWAITED.join() });
  }

  const line = ({ worker_id: id, name, state, since, workstation_id: station }, at) =>
    element(
      "li",
      {},
      element(
        "a",
        { href: link({ view: "worker", id }) },
        element("span", { class: "who" }, name),
        element("span", { class: `state state-${state}` }, text(`states.${state}`)),
        element("span", { class: "where quiet" }, station ?? ""),
        element("span", { class: "since number" }, format.duration(Math.max(0, (at - Date.parse(since)) / 1000))),
      ),
    );

  return { node, show };
}
