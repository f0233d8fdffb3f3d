// The form for an event that no camera saw.

import { post, serverNow } from "../../lib/api.js";
import { element, setText } from "../../lib/element.js";
import { hasText, text } from "../../lib/texts.js";
import { instantOf, wallClock } from "../../lib/zone.js";
import { createEntityInput, isId } from "../../components/entity-input.js";
import { EVENT_TYPES, typeMark, typeName } from "../../components/event-types.js";
import { createField } from "../../components/field.js";
import { explain } from "../../components/error-notice.js";

const SOURCE = "manual";

/**
 * A button, and the dialog that it opens. `stored` is called after each event that the server has.
 * @returns {{button, dialog, offer(known: {worker, workstation})}} `known` are the registered rows {id, name}
 */
export function createEventForm({ place, site, format }, stored) {
  const zone = site.time_zone;
  const time = element("input", { type: "datetime-local", step: 1, name: "timestamp" });
  const worker = createEntityInput({ name: "worker_id", oninput: () => tell("worker") });
  const workstation = createEntityInput({ name: "workstation_id", oninput: () => tell("workstation") });
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
  const outcome = element("p", { class: "told", role: "alert" });
  const save = element("button", { class: "button primary" }, text("form.save"));
  const form = element(
    "form",
    { novalidate: true, onsubmit: send },
    outcome,
    ...Object.values(fields).map(({ node }) => node),
    worker.suggestions,
    workstation.suggestions,
    element(
      "div",
      { class: "actions" },
      element("button", { type: "button", class: "button", onclick: () => dialog.close() }, text("form.close")),
      save,
    ),
  );
  const dialog = element(
    "dialog",
    { class: "card", "aria-labelledby": "event-form" },
    element("h2", { id: "event-form" }, text("form.title")),
    element("p", { class: "quiet" }, text("form.purpose")),
    form,
  );
  const button = element("button", { type: "button", class: "button primary", onclick: open }, text("form.open"));

  let draft = null; // the event's id, and the instant that the time field was filled with
  let unanswered = false; // whether the draft was sent and may have been stored
  let sending = false;

  function open() {
    if (!unanswered) begin();
    dialog.showModal();
    (worker.input.value ? fields.event_type : fields.worker_id).focus();
  }

  /** A new event at this moment; worker and workstation stay, the type is chosen anew. */
  function begin() {
    const at = Math.floor(serverNow() / 1000) * 1000;
    time.value = clockText(at, zone);
    draft = { id: randomId(), at, clock: time.value };
    for (const { firstChild: radio } of types) radio.checked = false;
    count.value = "1";
    choose();
    report("");
  }

  const chosen = () => types.map(({ firstChild }) => firstChild).find(({ checked }) => checked)?.value;
  const choose = () => {
    fields.count.node.hidden = chosen() !== "product_count";
  };

  function tell(kind) {
    const entity = kind === "worker" ? worker : workstation;
    const row = entity.known();
    fields[`${kind}_id`].hint(
      row ? (row.name === row.id ? "" : `${row.id} · ${row.name}`) : isId(entity.id) ? text("form.new") : "",
    );
  }

  function eventTyped() {
    const event = {
      worker_id: worker.id,
      workstation_id: workstation.id,
      event_type: chosen(),
      source_id: SOURCE,
      event_id: draft.id,
    };
    // The second of two equal hours at a clock change is meant only where the field was filled in it.
    const at = time.value === draft.clock ? draft.at : instantTyped(time.value, zone);
    if (at !== null) event.timestamp = new Date(at).toISOString();
    const said = Object.fromEntries(Object.entries(event).filter(([, value]) => value)); // what is empty is missing
    const units = count.value.trim();
    // An emptied field is no 1, which a missing count would mean: the API refuses it.
    return event.event_type === "product_count"
      ? { ...said, count: /^-?\d{1,15}$/.test(units) ? Number(units) : units }
      : said;
  }

  async function send(submitted) {
    submitted.preventDefault();
    if (sending) return;
    sending = save.disabled = true;
    report("");
    const event = eventTyped();
    try {
      const { duplicate } = await post("/events/", event, { factory: place.factory });
      unanswered = false;
      begin();
      const told = [
        event.worker_id,
        typeName(event.event_type),
        event.workstation_id,
        format.time(event.timestamp, { seconds: true }),
      ];
      report(text(duplicate ? "form.known" : "form.stored", { event: told.join(" · ") }), "good");
      fields.event_type.focus();
      stored();
    } catch (error) {
      unanswered = error.status === 0;
      refuse(error);
    }
    sending = save.disabled = false;
  }

  function report(words, kind = "") {
    for (const field of Object.values(fields)) field.fail("");
    outcome.className = `told ${kind}`;
    setText(outcome, words);
  }

  /** Each fault at its field, the rest above; the focus goes to the first faulty field. */
  function refuse(error) {
    const faults = (error.errors ?? []).filter(({ field }) => field in fields);
    const others = (error.errors ?? []).filter(({ field }) => !(field in fields)).map(faultText);
    if (unanswered) others.push(text("form.unsent", { reason: explain(error) }));
    else if (faults.length + others.length === 0)
      others.push(hasText(`faults.${error.code}`) ? text(`faults.${error.code}`) : explain(error));
    report([faults.length ? text("form.refused") : "", ...others].filter(Boolean).join(" "), "bad");
    for (const fault of faults) fields[fault.field].fail(faultText(fault));
    const first = Object.keys(fields).find((name) => faults.some(({ field }) => field === name));
    if (first) fields[first].focus();
  }

  return {
    button,
    dialog,
    offer(known) {
      worker.offer(known.worker);
      workstation.offer(known.workstation);
      tell("worker");
      tell("workstation");
    },
  };
}

const faultText = ({ code, message }) => (hasText(`faults.${code}`) ? text(`faults.${code}`) : message);

/** crypto.randomUUID is missing where the page comes by plain HTTP. */
function randomId() {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

function clockText(at, zone) {
  const { year, month, day, hour, minute, second } = wallClock(at, zone);
  const two = (value) => String(value).padStart(2, "0");
  return `${year}-${two(month)}-${two(day)}T${two(hour)}:${two(minute)}:${two(second)}`;
}

/** The instant of a datetime-local value; null when the field is empty or half filled. */
function instantTyped(value, zone) {
  if (!value) return null;
  const [year, month, day, hour, minute, second = 0] = value.split(/\D/).map(Number);
  return instantOf({ year, month, day, hour, minute }, zone) + Math.floor(second) * 1000;
}
