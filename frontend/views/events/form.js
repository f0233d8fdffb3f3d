// The form to enter an event that no camera saw.

import { post, serverNow } from "../../lib/api.js";
import { element } from "../../lib/element.js";
import { text } from "../../lib/texts.js";
import { abbreviationAt, clockText, instantTyped, isRepeated } from "../../lib/zone.js";
import { createEntityInput, isId } from "../../components/entity-input.js";
import { EVENT_TYPES, typeMark, typeName } from "../../components/event-types.js";
import { createField } from "../../components/field.js";
import { createForm } from "../../components/form.js";

const SOURCE = "manual";

/**
 * A button, and the dialog that it opens. `stored` is called after each stored event.
 * @returns {{button, dialog, offer(known: {worker, workstation})}} `known` are the registered rows {id, name}
 */
export function createEventForm({ place, site, format }, stored) {
  const zone = site.time_zone;
  const time = element("input", { type: "datetime-local", step: 1, name: "timestamp", oninput: () => showOffset() });
  const worker = createEntityInput({ name: "worker_id", oninput: () => showHint("worker") });
  const workstation = createEntityInput({ name: "workstation_id", oninput: () => showHint("workstation") });
  const types = EVENT_TYPES.map((type) =>
    element(
      "label",
      {},
      element("input", { type: "radio", name: "event_type", value: type, onchange: () => choose() }),
      typeMark(type),
    ),
  );
  const count = element("input", { name: "count", inputmode: "numeric", autocomplete: "off" });
  const fields = {
    timestamp: createField({ label: text("form.time", { zone: zone }), control: time }),
    worker_id: createField({ label: text("events.worker"), control: worker.input }),
    workstation_id: createField({ label: text("events.workstation"), control: workstation.input }),
    event_type: createField({ label: text("events.type"), group: types }),
    count: createField({ label: text("form.count"), control: count }),
  };
  const form = createForm({
    fields,
    save: text("form.save"),
    send,
    cancel: element("button", { type: "button", class: "button", onclick: () => dialog.close() }, text("form.close")),
    refused: "form.refused",
    unsent: "form.unsent",
  });
  const dialog = element(
    "dialog",
    { class: "card", "aria-labelledby": "event-form" },
    element("h2", { id: "event-form" }, text("form.title")),
    element("p", { class: "quiet" }, text("form.purpose")),
    form.node,
    worker.suggestions,
    workstation.suggestions,
  );
  const button = element("button", { type: "button", class: "button primary", onclick: open }, text("form.open"));

  let draft = null; // the event's id, and the instant that the time field was filled with
  let unanswered = false; // whether the draft was sent and may have been stored

  function open() {
    if (!unanswered) begin();
    dialog.showModal();
    (worker.input.value ? fields.event_type : fields.worker_id).focus();
  }

  /** Begin a new event at this moment; worker and workstation stay, the type is cleared. */
  function begin() {
    const at = Math.floor(serverNow() / 1000) * 1000;
    time.value = clockText(at, zone, { seconds: true });
    draft = { id: randomId(), at, clock: time.value };
    showOffset();
    for (const { firstChild: radio } of types) radio.checked = false;
    count.value = "1";
    choose();
    form.report("");
  }

  const chosen = () => types.map(({ firstChild }) => firstChild).find(({ checked }) => checked)?.value;
  const choose = () => {
    fields.count.node.hidden = chosen() !== "product_count";
  };

  function showHint(kind) {
    const entity = kind === "worker" ? worker : workstation;
    const row = entity.known();
    fields[`${kind}_id`].hint(
      row ? (row.name === row.id ? "" : `${row.id} · ${row.name}`) : isId(entity.id) ? text("form.new") : "",
    );
  }

  /** Of two equal hours at a clock change, the one with the offset of the time that the form filled in. */
  const timeTyped = () => (time.value === draft.clock ? draft.at : instantTyped(time.value, zone, draft.at));

  /** Name the offset of a time that the clocks show twice. */
  function showOffset() {
    const at = timeTyped();
    fields.timestamp.hint(at !== null && isRepeated(at, zone) ? abbreviationAt(at, zone) : "");
  }

  function eventTyped() {
    const event = {
      worker_id: worker.id,
      workstation_id: workstation.id,
      event_type: chosen(),
      source_id: SOURCE,
      event_id: draft.id,
    };
    const at = timeTyped();
    if (at !== null) event.timestamp = new Date(at).toISOString();
    const filled = Object.fromEntries(Object.entries(event).filter(([, value]) => value)); // an empty field is left out
    const units = count.value.trim();
    // A missing count would mean 1; an emptied field is sent, so that the API refuses it.
    return event.event_type === "product_count"
      ? { ...filled, count: /^-?\d{1,15}$/.test(units) ? Number(units) : units }
      : filled;
  }

  async function send() {
    const event = eventTyped();
    let answer;
    try {
      answer = await post("/events/", event, { factory: place.factory });
      unanswered = false;
    } catch (error) {
      unanswered = error.status === 0;
      throw error;
    }
    begin();
    fields.event_type.focus();
    stored();
    const parts = [
      event.worker_id,
      typeName(event.event_type),
      event.workstation_id,
      format.time(event.timestamp, { seconds: true }),
    ];
    return text(answer.duplicate ? "form.known" : "form.stored", { event: parts.join(" · ") });
  }

  return {
    button,
    dialog,
    offer(known) {
      worker.offer(known.worker);
      workstation.offer(known.workstation);
      showHint("worker");
      showHint("workstation");
    },
  };
}

/** A random id; crypto.randomUUID is missing over plain HTTP. */
function randomId() {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
