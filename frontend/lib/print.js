// Printing: what is drawn as wide as the screen is drawn anew as wide as a sheet, and back afterwards.

/** Call `draw` whenever the width changes for a sheet or back (styles/shell.css), until the signal is aborted. */
export function drawForPrint(draw, signal) {
  const turn = ({ type }) => {
    document.documentElement.classList.toggle("printing", type === "beforeprint");
    draw();
  };
  for (const moment of ["beforeprint", "afterprint"]) addEventListener(moment, turn, { signal });
}
