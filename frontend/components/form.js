// A form that sends what was typed, and shows the outcome.

import { element, setText } from "../lib/element.js";
import { hasText, text } from "../lib/texts.js";
import { createField } from "./field.js";
import { explain } from "./error-notice.js";

/** A field of a form: an input with its label and attributes; `hint` explains it. */
export function inputField(label, attributes, hint = "") {
  return controlField(label, element("input", { type: "text", autocomplete: "off", ...attributes }), hint);
}

/** A field with a choice of {value: words}. */
export function choiceField(label, options, chosen, attributes = {}, hint = "") {
  const select = element(
    "select",
    attributes,
    ...Object.entries(options).map(([value, words]) => element("option", { value, selected: value === chosen }, words)),
  );
  return controlField(label, select, hint);
}

/** A check box with its label; `hint` explains what it means. */
export function checkField(label, checked, attributes = {}, hint = "") {
  const box = element("input", { type: "checkbox", checked, ...attributes });
  const node = element(
    "label",
    { class: "check" },
    box,
    element("span", {}, label, hint && element("small", { class: "quiet" }, hint)),
  );
  return { node, control: box, fail() {}, focus: () => box.focus() };
}

function controlField(label, control, hint = "") {
  const field = createField({ label, control });
  field.hint(hint);
  return { ...field, control };
}

/**
 * @param {{fields: Record<string, {node, control?, fail, focus}>, save: string, send: () => Promise<string|void>,
 *   danger?: boolean, cancel?: Node, more?: Node[], refused?: string, unsent?: string}} options `fields` by the API's
 *   names; `send` resolves to the sentence shown after it; `cancel` and `more` are buttons before and after the one
 *   that sends; `refused` is the text above fields with faults, `unsent` the one with a {reason} why no answer came
 * @returns {{node, report(words, kind), focus(), failed(error)}}
 */
export function createForm({ fields, save, send, danger = false, cancel, more = [], refused, unsent }) {
  const outcome = element("p", { class: "form-result", role: "alert" });
  const button = element("button", { class: `button ${danger ? "danger" : "primary"}` }, save);
  const node = element(
    "form",
    { class: "form", novalidate: true, onsubmit: submit },
    outcome,
    ...Object.values(fields).map((field) => field.node),
    element("div", { class: "actions" }, cancel, button, ...more),
  );
  let sending = false;

  async function submit(event) {
    event.preventDefault();
    if (sending) return;
    sending = button.disabled = true;
    report("");
    try {
      report((await send()) ?? "", "good");
    } catch (error) {
      failed(error);
    }
    sending = button.disabled = false;
  }

  function report(words, kind = "") {
    for (const field of Object.values(fields)) field.fail("");
    outcome.className = `form-result ${kind}`;
    setText(outcome, words);
  }

  /** Show each fault at its field and the rest above; focus the first faulty field. */
  function failed(error) {
    const faults = (error.errors ?? []).filter(({ field }) => field in fields);
    const sentences = (error.errors ?? []).filter(({ field }) => !(field in fields)).map(faultText);
    if (error.status === 0 && unsent) sentences.push(text(unsent, { reason: explain(error) }));
    else if (faults.length + sentences.length === 0)
      sentences.push(hasText(`faults.${error.code}`) ? text(`faults.${error.code}`) : explain(error));
    if (faults.length && refused) sentences.unshift(text(refused));
    report(sentences.join(" "), "bad");
    for (const fault of faults) fields[fault.field].fail(faultText(fault));
    const first = Object.keys(fields).find((name) => faults.some(({ field }) => field === name));
    if (first) fields[first].focus();
  }

  return {
    node,
    report,
    failed,
    focus: () =>
      Object.values(fields)
        .find(({ control }) => !control?.readOnly)
        ?.focus(),
  };
}

/**
 * Make the `send` of a form for something that exists: it sends what a person changed, and nothing else.
 *
 * @param {() => Record<string, any>} values the fields' values as the API takes them
 * @param {(changes: Record<string, any>) => Promise<string|void>} send is called with those that differ from what was
 *   loaded or saved last
 */
export function onlyChanges(values, send) {
  let known = values();
  return async () => {
    const now = values();
    const differs = ([name, value]) => JSON.stringify(value) !== JSON.stringify(known[name]);
    const changes = Object.fromEntries(Object.entries(now).filter(differs));
    if (Object.keys(changes).length === 0) return text("form.nothing_changed");
    const words = await send(changes);
    known = now;
    return words;
  };
}

/** A fault in the reader's language where there is a text, else in the API's words. */
const faultText = ({ code, message }) => (hasText(`faults.${code}`) ? text(`faults.${code}`) : message);

/** A fault found by the page itself, in the shape of the API's. */
export const fault = (field, code) =>
  Object.assign(new Error(code), { status: 400, code, errors: [{ field, code, message: code }] });
