// Notices that replace a view's figures: no permission, not found, no answer; and the sentence for a banner.

import { element } from "../lib/element.js";
import { duration } from "../lib/format.js";
import { hasText, text } from "../lib/texts.js";

/** Explain an error in a sentence in the reader's language; without one, in the API's words. */
export function explain(error) {
  if (!("status" in error)) return text("errors.page");
  for (const key of [`errors.${error.code}`, `errors.status_${error.status}`]) {
    if (hasText(key)) return text(key, { duration: duration(error.wait) });
  }
  return error.message;
}

/** A notice in place of a view; `again` is called when the reader tries again. */
export function errorNotice(error, again) {
  const kind = error.status === 401 || error.status === 403 ? "forbidden" : error.status === 404 ? "missing" : "failed";
  return element(
    "section",
    { class: `notice ${kind}`, role: "alert" },
    element("h2", {}, text(`errors.${kind}`)),
    element("p", {}, explain(error)),
    element(
      "div",
      { class: "actions" },
      element("button", { type: "button", class: "button", onclick: again }, text("errors.again")),
      element("a", { class: "button", href: "?view=overview" }, text("errors.home")),
    ),
  );
}

/** A quiet sentence where there is nothing to show. */
export const emptyNotice = (key, values) => element("p", { class: "empty" }, text(key, values));
