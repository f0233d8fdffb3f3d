// What the page remembers on this device. A browser may refuse storage; then it remembers nothing, and all else works.

/** The text that is remembered by this name, or null. */
export function remembered(name) {
  try {
    return localStorage.getItem(name);
  } catch {
    return null;
  }
}

/** Remember a text by this name; null forgets it. */
export function remember(name, text) {
  try {
    if (text === null) localStorage.removeItem(name);
    else localStorage.setItem(name, text);
  } catch {
    // it is not remembered
  }
}
