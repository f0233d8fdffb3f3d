// A secret that is shown only once, a password or a key, with a button that copies it.

import { element, setText } from "../lib/element.js";
import { text } from "../lib/texts.js";

/** @param {string} words explain it and what to do with it */
export function createSecret(words, secret) {
  const code = element("code", { tabindex: -1 }, secret);
  const status = element("span", { role: "status" });
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(secret); // refused, or missing, where the page comes by plain HTTP
      setText(status, text("secret.copied"));
    } catch {
      getSelection().selectAllChildren(code);
      setText(status, text("secret.selected"));
    }
  };
  const button = element("button", { type: "button", class: "button", onclick: copy }, text("secret.copy"));
  return element(
    "div",
    { class: "secret", role: "group", "aria-label": words },
    element("p", {}, words),
    element("p", { class: "shown" }, code, button, status),
  );
}
