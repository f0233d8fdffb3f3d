// The colours of the style sheet as the canvas needs them.

import { LOOKS, STATES } from "../../lib/states.js";

const LITTLE_ENDIAN = new Uint8Array(new Uint32Array([1]).buffer)[0] === 1;

/**
 * The colours as they are now on `node`: `css` by name as CSS colours; as pixels of 32 bits `looks` by look,
 * `tint` (the ground of the hatch), `units` and `waiting` (what is not loaded yet).
 */
export function readColours(node) {
  const probe = document.createElement("span");
  node.append(probe);
  const resolve = (variable) => {
    probe.style.color = `var(${variable})`;
    return getComputedStyle(probe).color;
  };
  const css = Object.fromEntries(
    ["surface", "line", "text", "quiet", "accent", "sunken", "units"].map((name) => [name, resolve(`--${name}`)]),
  );
  const looks = LOOKS.map((look) => resolve(STATES[look].colour));
  probe.remove();
  const context = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  const pixel = (colour, alpha = 1) => {
    context.clearRect(0, 0, 1, 1);
    context.fillStyle = colour;
    context.fillRect(0, 0, 1, 1);
    const [red, green, blue, opacity] = context.getImageData(0, 0, 1, 1).data;
    const last = Math.round(opacity * alpha);
    return LITTLE_ENDIAN
      ? ((last << 24) | (blue << 16) | (green << 8) | red) >>> 0
      : ((red << 24) | (green << 16) | (blue << 8) | last) >>> 0;
  };
  return {
    css,
    looks: looks.map((colour) => pixel(colour)),
    tint: pixel(looks[LOOKS.indexOf("unknown")], 0.26),
    units: pixel(css.units, 0.8),
    waiting: pixel(css.line, 0.6),
  };
}

/** Call `changed` when the page or the system switches between light and dark, until the signal is aborted. */
export function watchTheme(changed, signal) {
  const observer = new MutationObserver(changed);
  observer.observe(document.documentElement, { attributeFilter: ["data-theme"] });
  signal.addEventListener("abort", () => observer.disconnect());
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", changed, { signal });
}
