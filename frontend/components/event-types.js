// The types of events, and the mark beside the name of each.

import { element } from "../lib/element.js";
import { text } from "../lib/texts.js";

export const EVENT_TYPES = ["working", "idle", "absent", "product_count"];

/** The type in words. */
export const typeName = (type) => text(type === "product_count" ? "events.product_count" : `states.${type}`);

/** The type in words, with its mark. */
export const typeMark = (type) => element("span", { class: `state state-${type}` }, typeName(type));

/** The identity of an event (SPEC section 2). */
export const keyOf = (event) =>
  JSON.stringify([
    event.timestamp,
    event.worker_id,
    event.event_type,
    event.workstation_id,
    event.source_id,
    event.event_id,
  ]);
