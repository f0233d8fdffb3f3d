// The organisations of the installation, for its operator.

import { createForm, inputField } from "../components/form.js";
import { createRegistryPage } from "../components/registry-page.js";
import { createSecret } from "../components/secret.js";
import { patch, post } from "../lib/api.js";
import { element } from "../lib/element.js";
import { text } from "../lib/texts.js";

export const organisations = {
  still: true,
  title: ({ text }) => text("views.organisations"),
  queries: () => ({ organisations: { path: "/organisations/" } }),

  create(context) {
    const { link } = context;
    const page = createRegistryPage(context, {
      view: "organisations",
      key: ({ organisation_id: id }) => id,
      sort: "name",
      columns: [
        {
          key: "name",
          title: text("organisations.name"),
          type: "text",
          value: ({ name }) => name,
          href: ({ organisation_id: id }) => link({ view: "organisations", id }),
        },
        { key: "id", title: text("columns.id"), type: "text", value: ({ organisation_id: id }) => id },
      ],
      add: () => createNew(context),
      panel: (row) => createChange(context, row),
    });
    return { node: page.node, show: ({ answers, place }) => page.show(answers.organisations.data, place) };
  },
};

function createNew({ refresh }) {
  const shown = element("div");
  const fields = {
    organisation_id: inputField(
      text("columns.id"),
      { name: "organisation_id", maxlength: 64, autocapitalize: "off", spellcheck: "false" },
      text("faults.invalid_id"),
    ),
    name: inputField(text("organisations.name"), { name: "name", maxlength: 200 }),
    admin_email: inputField(text("organisations.admin_email"), {
      type: "email",
      name: "admin_email",
      autocapitalize: "off",
      spellcheck: "false",
    }),
  };
  const form = createForm({
    fields,
    save: text("organisations.create"),
    async send() {
      const values = Object.fromEntries(
        Object.entries(fields)
          .map(([name, { control }]) => [name, control.value.trim()])
          .filter(([, value]) => value),
      );
      const { data } = await post("/organisations/", values);
      if (data.initial_password)
        shown.replaceChildren(
          createSecret(text("people.initial_password", { email: values.admin_email }), data.initial_password),
        );
      refresh();
      return text("form.saved");
    },
  });
  return {
    heading: text("organisations.add"),
    node: element("div", { class: "administration" }, form.node, shown),
    focus: form.focus,
  };
}

function createChange({ refresh }, { organisation_id: id, name }) {
  const fields = { name: inputField(text("organisations.name"), { name: "name", maxlength: 200, value: name }) };
  const form = createForm({
    fields,
    save: text("form.save_changes"),
    async send() {
      await patch(`/organisations/${encodeURIComponent(id)}`, { name: fields.name.control.value.trim() });
      refresh();
      return text("form.saved");
    },
  });
  return { heading: name, node: form.node };
}
