// How a figure has changed against the period before.

import { text } from "../lib/texts.js";

/**
 * In percent where `relative`, else in points of a percentage.
 * @param {{relative?: boolean, good?: 1|-1}} tile whether more is better (1, the usual) or worse
 * @returns {{text: string, better?: boolean}}
 */
export function change({ relative, good = 1 }, value, before, format) {
  if (value === null || before === null || (relative && before === 0)) return { text: "" };
  const difference = relative ? ((value - before) / before) * 100 : value - before;
  const size = relative ? format.percent : (points) => text("tiles.points", { n: format.decimal(points) });
  const told = format.signed(difference, size);
  return { text: text("tiles.against", { change: told }), better: told.startsWith("±") ? undefined : difference * good > 0 };
}
