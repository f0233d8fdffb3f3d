// Wheel, mouse and fingers: zoom, pan, point and click. A plain vertical wheel or swipe is left to the browser.

const STILL = 5; // pixels within which a press counts as a click
const DOUBLE_CLICK_MS = 260;

/**
 * @param {HTMLElement} plot the element that listens
 * @param {{zoom(factor, x), pan(pixels), canPan(): boolean, point(place|null), tap(place), click(place)}} act places
 *   are {x, y} in CSS pixels of the plot; a tap (of a finger) shows, a click opens
 * @param {AbortSignal} signal ends the listening
 */
export function listenToGestures(plot, act, signal) {
  const pressed = new Map(); // pointers that are down: where they were last
  let start = null; // where the first went down, until it has moved
  let dragged = false;
  let clicking;
  let byFinger = false;
  const on = (name, listener, options = {}) => plot.addEventListener(name, listener, { signal, ...options });

  const placeOf = ({ clientX, clientY }) => {
    const box = plot.getBoundingClientRect();
    return { x: clientX - box.left, y: clientY - box.top };
  };

  on(
    "wheel",
    (event) => {
      const across = event.shiftKey && !event.deltaX ? event.deltaY : event.deltaX;
      if (event.ctrlKey || event.metaKey) {
        event.preventDefault();
        act.zoom(
          Math.exp(Math.max(-60, Math.min(60, event.deltaY * (event.deltaMode ? 20 : 1))) * 0.006),
          placeOf(event).x,
        );
      } else if (Math.abs(across) > (event.shiftKey ? 0 : Math.abs(event.deltaY)) && act.canPan()) {
        event.preventDefault();
        act.pan(across);
      }
    },
    { passive: false },
  );

  on("pointerdown", (event) => {
    if (event.button !== 0) return;
    if (pressed.size === 0) dragged = false;
    byFinger = event.pointerType === "touch";
    pressed.set(event.pointerId, placeOf(event));
    start = pressed.size === 1 ? placeOf(event) : null;
  });

  on("pointermove", (event) => {
    const place = placeOf(event);
    const before = pressed.get(event.pointerId);
    if (!before) {
      act.point(place);
      return;
    }
    if (!dragged && start && Math.hypot(place.x - start.x, place.y - start.y) < STILL) return;
    if (!dragged) plot.setPointerCapture(event.pointerId);
    dragged = true;
    if (pressed.size === 2) pinch(event.pointerId, before, place);
    else if (act.canPan()) act.pan(before.x - place.x);
    pressed.set(event.pointerId, place);
  });

  function pinch(moved, before, place) {
    const [, other] = [...pressed].find(([id]) => id !== moved);
    const [old, now] = [Math.abs(before.x - other.x), Math.abs(place.x - other.x)];
    if (old > 10 && now > 10) act.zoom(old / now, (place.x + other.x) / 2);
    act.pan((before.x - place.x) / 2);
  }

  const release = (event) => {
    pressed.delete(event.pointerId);
    start = null;
  };
  on("pointerup", release);
  on("pointercancel", release);
  on("pointerleave", (event) => {
    if (event.pointerType === "mouse" && !pressed.size) act.point(null);
  });

  // A finger sends no "leave": its tooltip stays until it taps elsewhere.
  document.addEventListener("pointerdown", ({ target }) => !plot.contains(target) && act.point(null), { signal });

  on("click", (event) => {
    const place = placeOf(event);
    if (dragged) return;
    if (byFinger) {
      act.tap(place);
      return;
    }
    clearTimeout(clicking);
    if (event.detail < 2) clicking = setTimeout(() => act.click(place), DOUBLE_CLICK_MS);
  });
  on("dblclick", (event) => {
    clearTimeout(clicking);
    if (!byFinger) act.zoom(0.5, placeOf(event).x); // fingers pinch, and their second tap opens
  });
  signal.addEventListener("abort", () => clearTimeout(clicking));
}
