// A button for an act that cannot be undone: it asks for a second press.

import { element } from "../lib/element.js";

/** `act` is called at the second press; when the focus leaves, the first press is forgotten. */
export function confirmButton(words, sure, act) {
  let asked = false;
  const button = element(
    "button",
    { type: "button", class: "button", onclick: press, onblur: () => ask(false) },
    words,
  );

  function ask(now) {
    asked = now;
    button.textContent = asked ? sure : words;
    button.classList.toggle("danger", asked);
  }

  async function press() {
    if (!asked) return ask(true);
    button.disabled = true;
    await act();
    button.disabled = false;
    ask(false);
  }

  return button;
}
