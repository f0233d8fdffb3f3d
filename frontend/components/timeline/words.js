// A reading of the timeline in words.

import { element } from "../../lib/element.js";
import { HOUR, MINUTE } from "./calendar.js";
import { swatch } from "./parts.js";

const MOST_NAMES = 8;

/** The words for readings (see reading.js) of one kind of row. */
export function createWords({ entity, text, format }) {
  /** The time of a reading: "Mon 23 Nov, 14:03:22 – 14:45:01"; of a column "Mon 23 Nov, 14:00 – 15:00", or its day. */
  function time({ start, end, startsEarlier, lasts, parts }) {
    const sameDay = format.date(start) === format.date(end - 1);
    if (parts && sameDay && end - start > 22 * HOUR) return format.date(start);
    const clock = { seconds: !parts || end % MINUTE > 0 };
    const write = (at) => (sameDay ? format.time(at, clock) : `${format.date(at)}, ${format.time(at, clock)}`);
    const from = startsEarlier ? text("timeline.before", { time: write(start) }) : write(start);
    const to = lasts ? text("timeline.lasts", { time: write(end) }) : write(end);
    return `${sameDay ? `${format.date(start)}, ` : ""}${from} – ${to}`;
  }

  const state = (name) => text(`timeline.state.${name}`);

  /** The station, or the workers; none for an absent worker, whose station is only where absence was seen. */
  function places({ state: name, places: named }) {
    if (!named?.length || name === "absent") return null;
    const more = named.length > MOST_NAMES ? ` + ${format.count(named.length - MOST_NAMES)}` : "";
    const names = named.slice(0, MOST_NAMES).join(", ") + more;
    return text(entity === "worker" ? "timeline.at_station" : "timeline.by_workers", { names });
  }

  const units = (n) => (n > 0 ? text("timeline.units", { n: format.count(n), form: n }) : null);

  const duration = ({ start, end }) => format.duration((end - start) / 1000);

  /** The states of a reading as {state, words}. */
  function states(reading) {
    if (reading.withheld) return [{ state: null, words: text("withheld.figure") }];
    if (reading.state) return [{ state: reading.state, words: `${state(reading.state)}, ${duration(reading)}` }];
    return reading.parts.map(({ state: name, seconds, share }) => ({
      state: name,
      words: `${state(name)} ${format.percent(share * 100)}, ${format.duration(seconds)}`,
    }));
  }

  /** The whole reading in one sentence, for screen readers. */
  function sentence(name, reading) {
    if (!reading) return `${name}. ${text("timeline.nothing")}`;
    const parts = states(reading).map(({ words }) => words);
    return [name, ...parts, time(reading), places(reading), units(reading.units)].filter(Boolean).join(". ");
  }

  /** The content of the tooltip. */
  function nodes(name, reading) {
    const title = element("strong", {}, name);
    if (!reading) return [title, element("span", { class: "quiet" }, text("timeline.nothing"))];
    const lines = states(reading).map(({ state: of, words }) =>
      element("span", { class: "timeline-state" }, of ? swatch(of) : "", words),
    );
    const rest = [time(reading), places(reading), units(reading.units)].filter(Boolean);
    return [title, ...lines, ...rest.map((words) => element("span", { class: "number" }, words))];
  }

  return { time, state, states, places, duration, sentence, nodes };
}
