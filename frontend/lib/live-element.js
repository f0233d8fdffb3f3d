// An element with a life cycle: what it starts when it enters the document ends when it leaves.

import { element } from "./element.js";

class LiveElement extends HTMLElement {
  #life;

  connectedCallback() {
    this.#life = new AbortController();
    this.start(this.#life.signal);
  }

  disconnectedCallback() {
    this.#life.abort();
  }
}

customElements.define("live-element", LiveElement);

/**
 * An element that calls `start(signal)` whenever it enters the document; the signal is aborted when it leaves. Timers,
 * observers, requests and listeners of other nodes end by the signal, so removing the element ends them all.
 */
export function liveElement(attributes, start, ...children) {
  return Object.assign(element("live-element", attributes, ...children), { start });
}
