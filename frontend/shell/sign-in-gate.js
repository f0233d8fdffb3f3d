// The gate in front of the page: the reader signs in where needed, and replaces a password that somebody else knows.

import { element } from "../lib/element.js";
import { current, isClosed } from "../lib/session.js";
import { styled } from "../lib/stylesheet.js";
import { text } from "../lib/texts.js";

/**
 * Resolve when the reader may enter.
 * @param {HTMLElement} stage place for the forms meanwhile
 * @param {(words: string) => void} title
 */
export async function admit(stage, title) {
  const reader = current().user;
  if (!isClosed() && !reader?.must_change_password && !reader?.must_set_up_second_factor) return;
  const [{ createFirstPassword, createFirstSecondFactor, createSignIn }] = await Promise.all([
    import("./sign-in.js"),
    styled("styles/forms.css"),
  ]);
  document.body.dataset.view = "sign-in";
  const ask = (words, make) =>
    new Promise((resolve) => {
      title(words);
      const form = make(resolve);
      stage.replaceChildren(form.node);
      form.focus();
    });
  const typed = isClosed() ? await ask(text("sign_in.title"), createSignIn) : undefined;
  if (current().user.must_change_password)
    await ask(text("password.title"), (done) => createFirstPassword(typed, done));
  if (current().user.must_set_up_second_factor) await ask(text("account.totp"), createFirstSecondFactor);
  stage.replaceChildren();
}

const DISMISSED = "openness";

function isDismissed() {
  try {
    return sessionStorage.getItem(DISMISSED) !== null;
  } catch {
    return false;
  }
}

/** Tell that the page is open to everyone, until the reader dismisses it for this visit. */
export function showOpenness(node) {
  if (current().access !== "open" || isDismissed()) return;
  const dismiss = () => {
    node.hidden = true;
    try {
      sessionStorage.setItem(DISMISSED, "read");
    } catch {
      // storage may be refused; the next visit is told again
    }
  };
  node.replaceChildren(
    element("span", {}, text("open.all")),
    element("button", { type: "button", class: "button", onclick: dismiss }, text("open.dismiss")),
  );
  node.hidden = false;
}
