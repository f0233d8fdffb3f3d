// The API keys of cameras and programs.

import { createKeyForm, createKeyPanel } from "./keys/key-form.js";
import { createRegistryPage } from "../components/registry-page.js";
import { serverNow } from "../lib/api.js";
import { text } from "../lib/texts.js";

export const keys = {
  still: true,
  title: ({ text }) => text("views.keys"),
  queries: () => ({ keys: { path: "/keys/" } }),

  create(context) {
    const { format, link } = context;
    const date = (key) => ({
      key,
      title: text(`keys.${key}`),
      type: "time",
      value: (row) => row[key],
      write: (row) => (row[key] ? format.dateTime(row[key]) : text("words.never")),
    });
    const page = createRegistryPage(context, {
      view: "keys",
      key: ({ key_id: id }) => String(id),
      sort: "name",
      columns: [
        {
          key: "name",
          title: text("keys.name"),
          type: "text",
          value: ({ name }) => name,
          note: ({ key_id: id }) => `fk_${id}_…`,
          href: ({ key_id: id }) => link({ view: "keys", id }),
        },
        { key: "scope", title: text("keys.scope"), type: "text", value: ({ scope }) => text(`scopes.${scope}`) },
        { key: "state", title: text("keys.state"), type: "text", value: (row) => text(`keys.is_${stateOf(row)}`) },
        { key: "created_by", title: text("keys.created_by"), type: "text", value: ({ created_by: by }) => by ?? "–" },
        date("created_at"),
        date("expires_at"),
        date("last_used_at"),
      ],
      add: () => createKeyForm(context),
      panel: (row) => createKeyPanel(context, row),
    });
    return { node: page.node, show: ({ answers, place }) => page.show(answers.keys.data, place) };
  },
};

const stateOf = ({ revoked_at: revoked, expires_at: expires }) =>
  revoked ? "revoked" : expires && Date.parse(expires) <= serverNow() ? "expired" : "valid";
