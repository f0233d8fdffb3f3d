// The forms for an API key: create, rotate, revoke.

import { post, remove } from "../../lib/api.js";
import { element } from "../../lib/element.js";
import { text } from "../../lib/texts.js";
import { confirmButton } from "../../components/confirm.js";
import { choiceField, createForm, inputField } from "../../components/form.js";
import { createSecret } from "../../components/secret.js";

const SCOPES = ["ingest", "read", "admin"];
const DAYS = ["30", "90", "365", ""];
const HOURS = ["0", "1", "24", "168"];

/** A form for a new key. */
export function createKeyForm({ place, refresh }) {
  const shown = element("div");
  const fields = {
    name: inputField(text("keys.name"), { name: "name", maxlength: 200 }, text("keys.name_hint")),
    scope: choiceField(
      text("keys.scope"),
      Object.fromEntries(SCOPES.map((scope) => [scope, text(`scopes.${scope}`)])),
      "ingest",
      { name: "scope" },
    ),
    expires_in_days: choiceField(
      text("keys.expires_at"),
      Object.fromEntries(DAYS.map((days) => [days, days ? text("keys.in_days", { n: days }) : text("words.never")])),
      "365",
      { name: "expires_in_days" },
    ),
  };
  const form = createForm({
    fields,
    save: text("keys.create"),
    async send() {
      const days = fields.expires_in_days.control.value;
      const { data } = await post(
        "/keys/",
        {
          name: fields.name.control.value.trim(),
          scope: fields.scope.control.value,
          ...(days && { expires_in_days: Number(days) }),
        },
        { factory: place.factory },
      );
      shown.replaceChildren(createSecret(text("keys.once", { name: data.name }), data.key));
      fields.name.control.value = "";
      refresh();
    },
  });
  return {
    heading: text("keys.add"),
    node: element("div", { class: "administration" }, form.node, shown),
    focus: form.focus,
  };
}

/** A form to replace a key, or to revoke it. */
export function createKeyPanel({ place, refresh, go }, row) {
  const address = `/keys/${encodeURIComponent(row.key_id)}`;
  const heading = `${row.name} · fk_${row.key_id}_…`;
  if (row.revoked_at) return { heading, node: element("p", { class: "quiet" }, text("keys.revoked_note")) };
  const shown = element("div");
  const overlap = choiceField(
    text("keys.overlap"),
    Object.fromEntries(HOURS.map((hours) => [hours, text("keys.hours", { n: hours })])),
    "24",
    { name: "overlap_hours" },
  );
  const revoke = confirmButton(text("keys.revoke"), text("keys.revoke_sure"), async () => {
    try {
      await remove(address, undefined, { factory: place.factory });
      go({ view: "keys" });
    } catch (error) {
      form.failed(error);
    }
  });
  const form = createForm({
    fields: { overlap_hours: overlap },
    save: text("keys.rotate"),
    more: [revoke],
    async send() {
      const { data } = await post(
        `${address}/rotate`,
        { overlap_hours: Number(overlap.control.value) },
        { factory: place.factory },
      );
      shown.replaceChildren(createSecret(text("keys.once", { name: data.name }), data.key));
      refresh();
    },
  });
  return {
    heading,
    node: element(
      "div",
      { class: "administration" },
      element("p", { class: "quiet" }, text("keys.rotate_note")),
      form.node,
      shown,
    ),
  };
}
