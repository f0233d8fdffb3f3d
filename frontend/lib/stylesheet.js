// Style sheets that only some views need.

import { element } from "./element.js";

const asked = new Map();

/** Add a style sheet once; resolves when it is loaded or has failed: the page is plainer without it, but works. */
export function styled(href) {
  if (!asked.has(href)) {
    asked.set(
      href,
      new Promise((resolve) => {
        document.head.append(element("link", { rel: "stylesheet", href, onload: resolve, onerror: resolve }));
      }),
    );
  }
  return asked.get(href);
}
