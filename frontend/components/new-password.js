// A new password, typed twice. The e-mail address tells a password manager which account it is for.

import { element } from "../lib/element.js";
import { current } from "../lib/session.js";
import { text } from "../lib/texts.js";
import { fault, inputField } from "./form.js";

/** The fields `new_password` and `again`. */
export function newPasswordFields() {
  const account = element("input", {
    type: "text",
    class: "hidden",
    autocomplete: "username",
    tabindex: -1,
    "aria-hidden": "true",
    readonly: true,
    value: current().user.email,
  });
  const chosen = inputField(
    text("password.new"),
    { type: "password", autocomplete: "new-password" },
    text("password.rule"),
  );
  chosen.node.prepend(account);
  return {
    new_password: chosen,
    again: inputField(text("password.again"), { type: "password", autocomplete: "new-password" }),
  };
}

/** The typed password. @throws a fault where the two differ */
export function chosenPassword({ new_password: { control: chosen }, again: { control: again } }) {
  if (!chosen.value) throw fault("new_password", "missing_field");
  if (chosen.value !== again.value) throw fault("again", "password_differs");
  return chosen.value;
}
