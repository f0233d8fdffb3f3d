// The tooltip, and its words for screen readers.

const SPOKEN_AFTER_MS = 350; // so that holding a key down announces only the last reading

/**
 * Show a reading at a point: `show(name, reading, point, speak)`, the reading null where nothing is known; `hide()`.
 * With `speak` it is announced once, when it is known; later changes are not.
 */
export function createTooltip({ tip, spoken, node }, words) {
  let timer;
  let shown = "";
  let due = false;

  function show(name, reading, point, speak) {
    const sentence = words.sentence(name, reading);
    due ||= speak;
    if (sentence !== shown) {
      tip.replaceChildren(...words.nodes(name, reading));
      clearTimeout(timer);
      if (due) timer = setTimeout(say, SPOKEN_AFTER_MS, sentence, reading === null);
    }
    shown = sentence;
    tip.hidden = false;
    place(point);
  }

  function say(sentence, awaitsMore) {
    spoken.textContent = sentence;
    due = awaitsMore;
  }

  /** Place it beside the point (in pixels of the page's viewport), inside the component as far as it fits. */
  function place({ x, y }) {
    const box = node.getBoundingClientRect();
    const { offsetWidth: width, offsetHeight: height } = tip;
    const left = Math.max(0, Math.min(x - box.left - width / 2, box.width - width));
    const above = y - height - 18;
    tip.style.transform = `translate(${Math.round(left)}px, ${Math.round((above > 0 ? above : y + 22) - box.top)}px)`;
  }

  function hide() {
    tip.hidden = true;
    shown = "";
    due = false;
    clearTimeout(timer);
  }

  return { show, hide };
}
