// Printing: what is drawn as wide as the screen is drawn anew as wide as a sheet, and back afterwards.

const drawn = new Set();

function turn(printing) {
  document.documentElement.classList.toggle("printing", printing); // the width of a sheet: styles/shell.css
  for (const draw of drawn) draw();
}

addEventListener("beforeprint", () => turn(true));
addEventListener("afterprint", () => turn(false));

/** Call `draw` whenever the width changes for a sheet or back, until the signal is aborted. */
export function drawForPrint(draw, signal) {
  drawn.add(draw);
  signal.addEventListener("abort", () => drawn.delete(draw));
}
