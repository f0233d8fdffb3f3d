// The form to sign in, and the form to replace a first password.

import { element } from "../lib/element.js";
import { changePassword, current, signIn } from "../lib/session.js";
import { hasText, text } from "../lib/texts.js";
import { createTotp } from "../components/totp.js";
import { createForm, fault, inputField } from "../components/form.js";
import { chosenPassword, newPasswordFields } from "../components/new-password.js";

/** @returns {{node, focus()}} `entered(password)` is called when somebody has signed in */
export function createSignIn(entered) {
  const fields = {
    email: inputField(text("sign_in.email"), {
      type: "email",
      name: "email",
      autocomplete: "username",
      autocapitalize: "off",
      spellcheck: "false",
    }),
    password: inputField(text("sign_in.password"), {
      type: "password",
      name: "password",
      autocomplete: "current-password",
    }),
    code: inputField(
      text("sign_in.code"),
      { name: "code", inputmode: "numeric", autocomplete: "one-time-code", maxlength: 20 },
      text("sign_in.code_hint"),
    ),
  };
  const { email, password, code } = fields;
  code.node.hidden = true;
  const form = createForm({ fields, save: text("sign_in.enter"), send });

  async function send() {
    for (const [name, { control }] of Object.entries({ email, password }))
      if (!control.value.trim()) throw fault(name, "missing_field");
    try {
      await signIn(email.control.value.trim(), password.control.value, code.control.value.replace(/\s/g, ""));
    } catch (error) {
      if (error.code === "locked_out") code.node.hidden = false; // a code is the way round what a stranger did
      if (error.code !== "code_required") throw error;
      const first = code.node.hidden;
      code.node.hidden = false;
      throw fault("code", first ? "code_required" : "wrong_code");
    }
    await entered(password.control.value);
  }

  const failed = failedElsewhere();
  const others = current().providers.map(({ name, start }) =>
    element("a", { class: "button", href: `${start}${organisation()}` }, text("sign_in.with", { name })),
  );
  return {
    node: signInCard(
      failed,
      form.node,
      others.length > 0 &&
        element("div", { class: "others" }, element("p", { class: "quiet" }, text("sign_in.or")), ...others),
    ),
    focus: email.focus,
  };
}

/** The organisation that the page's address names, for people who have users in several. */
function organisation() {
  const named = new URLSearchParams(location.search).get("organisation");
  return named ? `?${new URLSearchParams({ organisation: named })}` : "";
}

/** The notice after a failed sign-in with a provider. */
function failedElsewhere() {
  const asked = new URLSearchParams(location.search);
  if (asked.get("sign-in") !== "failed") return false;
  const key = `sign_in.failed.${asked.get("reason")}`;
  return element("p", { class: "form-result", role: "alert" }, text(hasText(key) ? key : "sign_in.failed.not_proved"));
}

/**
 * @returns {{node, focus()}} `before` is the old password if it is known; `chosen()` is called when it has been
 *   replaced
 */
export function createFirstPassword(before, chosen) {
  const old = before === undefined && {
    old_password: inputField(text("password.old"), { type: "password", autocomplete: "current-password" }),
  };
  const fields = { ...old, ...newPasswordFields() };
  const form = createForm({
    fields,
    save: text("password.save"),
    async send() {
      await changePassword(before ?? fields.old_password.control.value, chosenPassword(fields));
      await chosen();
    },
  });
  return { node: signInCard(element("p", {}, text("password.first")), form.node), focus: form.focus };
}

/** Setting up a second factor that is required. @returns {{node, focus()}} `done()` is called when it is on */
export function createFirstSecondFactor(done) {
  const begin = createTotp({ whenOn: done });
  return { node: signInCard(element("p", {}, text("totp.required")), begin), focus() {} };
}

const signInCard = (...parts) =>
  element("section", { class: "card sign-in" }, element("div", { class: "body" }, ...parts.filter(Boolean)));
