// The reader's own account: name and roles, password, second factor.

import { createForm, inputField } from "../components/form.js";
import { chosenPassword, newPasswordFields } from "../components/new-password.js";
import { createTotp } from "../components/totp.js";
import { element } from "../lib/element.js";
import { changePassword, current } from "../lib/session.js";
import { text } from "../lib/texts.js";

export const account = {
  still: true,
  title: ({ text }) => text("views.account"),
  queries: () => ({}),

  create() {
    const card = (id, key, ...body) =>
      element(
        "section",
        { class: "card", "aria-labelledby": id },
        element("header", {}, element("h2", { id }, text(key))),
        element("div", { class: "body" }, ...body),
      );
    return {
      node: element(
        "div",
        { class: "administration" },
        card("who", "account.who", facts()),
        card("password", "account.password", passwordForm()),
        card("totp", "account.totp", createTotp()),
      ),
      show() {},
    };
  },
};

function facts() {
  const { user, organisation, factories } = current();
  const roles = factories.map(({ name, role }) => `${name}: ${text(`roles.${role}`)}`);
  const fact = (key, value) => [element("dt", {}, text(key)), element("dd", {}, value)];
  return element(
    "dl",
    { class: "facts" },
    ...fact("people.name", user.name),
    ...fact("people.email", user.email),
    ...(organisation ? fact("account.organisation", organisation.name) : []),
    ...(roles.length ? fact("people.roles", roles.join(", ")) : []),
  );
}

function passwordForm() {
  const fields = {
    old_password: inputField(text("password.old"), { type: "password", autocomplete: "current-password" }),
    ...newPasswordFields(),
  };
  const form = createForm({
    fields,
    save: text("password.save"),
    async send() {
      await changePassword(fields.old_password.control.value, chosenPassword(fields));
      for (const { control } of Object.values(fields)) control.value = "";
      return text("password.saved");
    },
  });
  return form.node;
}
