// Style sheets that only some views need.

import { element } from "./element.js";

const asked = new Map();

/** Add a style sheet once; resolves when it holds, or could not be had: the page is plainer then, but works. */
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
