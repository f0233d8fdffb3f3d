// The freshness of the figures and reasons for missing ones: the time in the bar, the banner, the notes on withheld
// figures and on rows left out.

import { explain } from "../components/error-notice.js";
import { holdsAt, serverNow } from "../lib/api.js";
import { setText } from "../lib/element.js";
import { current } from "../lib/session.js";
import { text } from "../lib/texts.js";
import { REFRESH_MS } from "./refresh.js";

const QUIET_MS = 15 * 60_000; // after this long without an event the page says that no data arrive

/**
 * @param {{main, time, banner, withheld, leftOut}} nodes of index.html
 * @returns {{loading(), show({answers, site, format, live, still}), stale(error, format), clear()}}
 */
export function createFreshness({ main, time, banner, withheld, leftOut }) {
  let asOf; // of the figures in sight

  function show({ answers, site, format, live, still }) {
    const all = Object.values(answers);
    const kept = all
      .map(({ keptSince }) => keptSince)
      .filter(Boolean)
      .sort()[0];
    const evaluated = all.map(holdsAt).find(Boolean);
    asOf = kept ?? evaluated ?? new Date(serverNow()).toISOString();
    setText(
      time,
      still
        ? ""
        : text("shell.as_of", { time: format.time(asOf, { seconds: true }), zone: format.zone(Date.parse(asOf)) }),
    );
    showWithheld(all);
    showLeftOut(all, format);
    const silence = answers.now ? silenceOf(answers.now, site, format) : "";
    time.classList.toggle("live", live && !kept && !silence);
    if (kept) warn(text("shell.offline", { time: format.dateTime(kept, { seconds: true }) }), true);
    else warn(silence);
  }

  /** Explain why some figures are not shown. */
  function showWithheld(answers) {
    const rows = answers.flatMap(({ data }) => data);
    withheld.hidden = !rows.some((row) => row?.withheld || row?.withheld_hours);
    setText(withheld, text("withheld.note", { n: current().k_min }));
  }

  /** Tell how many rows of a very large registry no answer holds; totals include them. */
  function showLeftOut(answers, format) {
    const most = (key) => Math.max(0, ...answers.map((answer) => answer[key] ?? answer.data?.[key] ?? 0));
    const n = Math.max(...["left_out", "workers_left_out", "workstations_left_out"].map(most));
    leftOut.hidden = n === 0;
    setText(leftOut, n === 0 ? "" : text("shell.left_out", { n: format.count(n) }));
  }

  function warn(sentence, urgent = false) {
    setText(banner, sentence); // only when it changes, or a screen reader would say it at each refresh
    banner.hidden = !sentence;
    banner.classList.toggle("urgent", urgent);
    main.classList.toggle("stale", urgent);
  }

  return {
    show,
    loading: () => setText(time, text("shell.loading")),
    /** Keep the figures in sight, and mark them as old. */
    stale(error, format) {
      time.classList.remove("live");
      const shown = format.dateTime(asOf, { seconds: true });
      warn(text("shell.stale", { reason: explain(error), time: shown, seconds: REFRESH_MS / 1000 }), true);
    },
    clear() {
      time.classList.remove("live");
      setText(time, "");
      withheld.hidden = leftOut.hidden = true;
      warn("");
    },
  };
}

/** A sentence when events have stopped coming; empty when all is well. */
function silenceOf(now, site, format) {
  const last = now.data.last_event_at;
  const silence = serverNow() - Date.parse(last);
  if (!last || silence < QUIET_MS) return "";
  const silent = text("shell.silent", {
    duration: format.minutes(silence / 1000),
    time: told(Date.parse(last), format),
  });
  const timeout = site.state_timeout_seconds * 1000; // 0 for none
  const unknownFrom = Date.parse(last) + timeout;
  if (!timeout) return `${silent} ${text("shell.last_known")}`;
  if (unknownFrom <= serverNow()) return `${silent} ${text("shell.unknown_since")}`;
  return `${silent} ${text("shell.last_known_until", { time: told(unknownFrom, format) })}`;
}

/** The time of an instant, with its date where that is not today. */
function told(at, format) {
  return format.date(at) === format.date(serverNow()) ? format.time(at) : format.dateTime(at);
}
