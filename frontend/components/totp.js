// The second factor: set up with an authenticator app, or switched off.

import { post, remove } from "../lib/api.js";
import { element } from "../lib/element.js";
import { current, look } from "../lib/session.js";
import { text } from "../lib/texts.js";
import { createForm, inputField } from "./form.js";
import { createSecret } from "./secret.js";

/** The element that always shows the next step. */
export function createTotp({ whenOn } = {}) {
  const node = element("div", { class: "administration" });
  show(current().user.totp_enabled ? enabled() : disabled());
  return node;

  function show(...parts) {
    node.replaceChildren(...parts);
  }

  function disabled() {
    const password = passwordField();
    const { node: form } = createForm({
      fields: { password },
      save: text("totp.begin"),
      async send() {
        const answer = await post("/session/totp", { password: password.control.value });
        const { secret, uri } = answer.data ?? answer;
        const next = confirming(secret, uri);
        show(...next.parts);
        next.focus();
      },
    });
    return element("div", { class: "administration" }, element("p", { class: "quiet" }, text("totp.why")), form);
  }

  function confirming(secret, uri) {
    const code = inputField(text("sign_in.code"), {
      name: "code",
      inputmode: "numeric",
      autocomplete: "one-time-code",
      maxlength: 10,
    });
    const form = createForm({
      fields: { code },
      save: text("totp.confirm"),
      async send() {
        const { data } = await post("/session/totp/confirm", { code: code.control.value.replace(/\s/g, "") });
        await look();
        const codes = createSecret(text("totp.recovery"), data.recovery_codes.join(" "));
        const rest = whenOn
          ? element("button", { type: "button", class: "button primary", onclick: () => whenOn() }, text("totp.go_on"))
          : enabled();
        show(element("p", { class: "form-result good", role: "status" }, text("totp.is_on")), codes, rest);
      },
    });
    const grouped = secret.replace(/(.{4})(?=.)/g, "$1 ");
    const parts = [
      element("p", {}, text("totp.enter")),
      element(
        "div",
        { class: "secret" },
        element("p", { class: "shown" }, element("code", {}, grouped)),
        element("p", {}, element("a", { href: uri }, text("totp.open"))),
      ),
      form.node,
    ];
    return { parts, focus: code.focus };
  }

  function enabled() {
    const password = passwordField();
    const { node: form } = createForm({
      fields: { password },
      save: text("totp.end"),
      danger: true,
      async send() {
        await remove("/session/totp", { password: password.control.value });
        await look();
        show(element("p", { class: "form-result", role: "status" }, text("totp.is_off")), disabled());
      },
    });
    return element("div", { class: "administration" }, element("p", { class: "quiet" }, text("totp.on")), form);
  }
}

const passwordField = () =>
  inputField(text("sign_in.password"), { type: "password", name: "password", autocomplete: "current-password" });
