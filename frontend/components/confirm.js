// A button for what cannot be taken back: it asks once more.

import { element } from "../lib/element.js";

/** `act` is called at the second press, without which the button forgets the first when the focus leaves it. */
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
