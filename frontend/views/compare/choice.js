// The choice of what to compare: the kind, the two sides, or the other period.

import { element } from "../../lib/element.js";
import { text } from "../../lib/texts.js";
import { clockText, instantTyped } from "../../lib/zone.js";
import { AGAINST, KINDS, PERSONS } from "./sides.js";
import { createEntityInput } from "../../components/entity-input.js";
import { createField } from "../../components/field.js";

const OWN = ["bfrom", "bto"];
const cleared = Object.fromEntries(["a", "b", "of", "against", ...OWN].map((name) => [name, undefined]));

/**
 * The form of the choice. `change` is called with the changed part of the address.
 * @returns {{node, show(comparison, known: {worker, workstation}, faults: {a: string, b: string})}}
 */
export function createChoice({ change, site, persons }) {
  const possible = (one) => persons || !PERSONS.includes(one);
  const kinds = KINDS.filter(possible).map((kind) =>
    element(
      "label",
      {},
      element("input", { type: "radio", name: "kind", value: kind, onchange: () => change({ ...cleared, kind }) }),
      element("span", {}, text(`compare.${kind}`)),
    ),
  );
  const of = select(["factory", "worker", "workstation"].filter(possible), "of", (value) =>
    change({ of: value, a: undefined }),
  );
  const against = select(AGAINST, "", (value) =>
    change(
      value === "own"
        ? { against: value, bfrom: iso(latest.sides.b.period.from), bto: iso(latest.sides.b.period.to) }
        : { against: value, bfrom: undefined, bto: undefined },
    ),
  );
  const entities = { a: sideInput("a"), b: sideInput("b") };
  const own = OWN.map((name) => element("input", { type: "datetime-local", name }));
  const fields = {
    of: createField({ label: text("compare.of"), control: of }),
    a: createField({ label: "A", control: entities.a.input }),
    b: createField({ label: "B", control: entities.b.input }),
    against: createField({ label: text("compare.against"), control: against }),
    bfrom: createField({ label: text("compare.from"), control: own[0] }),
    bto: createField({ label: text("compare.to"), control: own[1] }),
  };
  const apply = element("button", { class: "button primary" }, text("compare.apply"));
  const ownPeriod = element("div", { class: "custom-period" }, ...OWN.map((name) => fields[name].node), apply);
  const node = element(
    "form",
    { class: "card compare-choice no-print", novalidate: true, onsubmit: submit },
    element("fieldset", { class: "segments" }, element("legend", { class: "hidden" }, text("compare.kind")), ...kinds),
    ...["of", "a", "b", "against"].map((name) => fields[name].node),
    ownPeriod,
    entities.a.suggestions,
    entities.b.suggestions,
  );
  let latest = null;
  const before = {};

  function sideInput(side) {
    // The default choice is visible; both go into the address once one is changed.
    const choose = () =>
      change({ a: entities.a.id || undefined, b: latest.kind === "periods" ? undefined : entities.b.id || undefined });
    return createEntityInput({ name: side, onchange: choose });
  }

  function submit(event) {
    event.preventDefault();
    if (latest.against !== "own" || latest.kind !== "periods") return;
    const [from, to] = own.map(({ value }) => instantTyped(value, site.time_zone) ?? NaN);
    fields.bto.fail(from < to ? "" : text("periods.order"));
    if (from < to) change({ bfrom: iso(from), bto: iso(to) });
    else fields.bto.focus();
  }

  function show(comparison, known, faults) {
    latest = comparison;
    const { kind, entity, sides } = comparison;
    const periods = kind === "periods";
    const custom = periods && comparison.against === "own";
    for (const { firstChild: radio } of kinds) radio.checked = radio.value === kind;
    of.value = entity;
    against.value = comparison.against;
    fields.of.node.hidden = fields.against.node.hidden = !periods;
    fields.a.node.hidden = entity === "factory";
    fields.b.node.hidden = periods;
    ownPeriod.hidden = !custom;
    for (const side of ["a", "b"]) {
      if (entity !== "factory") entities[side].offer(known[entity]);
      const row = known[entity]?.find(({ id }) => id === sides[side].id);
      fields[side].hint(row && row.name !== row.id ? row.name : "");
      fields[side].fail(faults[side] ?? "");
      set(entities[side].input, `${kind} ${entity} ${side}`, sides[side].id ?? "");
    }
    if (custom)
      for (const [n, at] of [sides.b.period.from, sides.b.period.to].entries())
        set(own[n], OWN[n], clockText(at, site.time_zone));
  }

  /** Set a value only where the address has changed, so that typed text stays. */
  function set(input, key, value) {
    if (before[input.name] === `${key} ${value}`) return;
    input.value = value;
    before[input.name] = `${key} ${value}`;
  }

  return { node, show };
}

const iso = (at) => new Date(at).toISOString();

function select(values, prefix, chosen) {
  const node = element("select", { onchange: () => chosen(node.value) });
  node.append(
    ...values.map((value) => element("option", { value }, text(`compare.${prefix ? `${prefix}_` : ""}${value}`))),
  );
  return node;
}
