// The signed-in user in the menu, and the buttons to sign out.

import { addressOf } from "../lib/address.js";
import { element, setText } from "../lib/element.js";
import { current, membership, signOut } from "../lib/session.js";
import { text } from "../lib/texts.js";
import { explain } from "../components/error-notice.js";

/** The part of the menu for a signed-in reader. */
export function createReader(place) {
  const { user, organisation } = current();
  const role = membership(place.factory)?.role;
  const where = [organisation?.name, role && text(`roles.${role}`)].filter(Boolean).join(" · ");
  const fault = element("p", { class: "fault", role: "alert" });
  const out = (key, options) =>
    element("button", { type: "button", class: "button", onclick: () => leave(options) }, text(key));
  const leave = (options) =>
    signOut(options).catch((error) => setText(fault, text("reader.not_signed_out", { reason: explain(error) })));
  return element(
    "section",
    { class: "reader", "aria-label": text("reader.label") },
    element("p", {}, element("strong", {}, user.name), element("span", { class: "quiet" }, where)),
    element("a", { class: "button", href: addressOf(place, { view: "account" }) }, text("views.account")),
    out("reader.sign_out", {}),
    out("reader.sign_out_everywhere", { everywhere: true }),
    fault,
  );
}
