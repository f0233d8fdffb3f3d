// The settings of the factory: name, time zone, timeout, shifts, and whether single persons are shown.

import { choiceField, createForm, fault, inputField, onlyChanges } from "../components/form.js";
import { createShifts } from "./settings/shifts.js";
import { patch } from "../lib/api.js";
import { element } from "../lib/element.js";
import { current, look } from "../lib/session.js";
import { text } from "../lib/texts.js";

const PATIENCE_S = 600; // another time zone rebuilds all history

export const settings = {
  still: true,
  title: ({ text }) => text("views.settings"),
  queries: () => ({}),

  create(context) {
    const { place, site, refresh } = context;
    const zones = element(
      "datalist",
      { id: "zones" },
      ...Intl.supportedValuesOf("timeZone").map((value) => element("option", { value })),
    );
    const shifts = createShifts(site.shifts);
    const fields = {
      name: inputField(text("settings.name"), { name: "name", maxlength: 200, value: site.name }),
      time_zone: inputField(
        text("settings.time_zone"),
        { name: "time_zone", list: zones.id, spellcheck: "false", autocapitalize: "off", value: site.time_zone },
        text("settings.rederives"),
      ),
      state_timeout_seconds: inputField(
        text("settings.timeout"),
        { name: "state_timeout_seconds", inputmode: "numeric", value: site.state_timeout_seconds },
        text("settings.timeout_hint"),
      ),
      shifts,
      ...("person_views" in site && {
        person_views: choiceField(
          text("settings.person_views"),
          PERSON_VIEWS(),
          String(site.person_views),
          { name: "person_views" },
          text("settings.person_views_hint", { n: current().k_min }),
        ),
        live_states: choiceField(
          text("settings.live_states"),
          { false: text("settings.live_states_off"), true: text("settings.live_states_on") },
          String(site.live_states),
          { name: "live_states" },
          text("settings.live_states_hint", { n: current().k_min }),
        ),
      }),
    };
    let sure = false;
    const form = createForm({
      fields,
      save: text("form.save_changes"),
      send: onlyChanges(
        () => values(fields),
        async (changes) => {
          // Everybody loses the names at once: that is asked twice.
          if (changes.person_views === false && !sure) {
            sure = true;
            throw fault("person_views", "hides_persons");
          }
          await patch(`/factories/${encodeURIComponent(place.factory)}`, changes, {}, { seconds: PATIENCE_S });
          sure = false;
          await look();
          refresh();
          return text("form.saved");
        },
      ),
    });
    return {
      node: element(
        "div",
        { class: "administration" },
        element(
          "section",
          { class: "card", "aria-label": text("views.settings") },
          element("div", { class: "body padded" }, form.node, zones),
        ),
      ),
      show() {},
    };
  },
};

/** The choices for `person_views`; null follows the installation. */
const PERSON_VIEWS = () => ({
  null: text("settings.person_views_default"),
  true: text("settings.person_views_on"),
  false: text("settings.person_views_off"),
});

function values({
  name,
  time_zone: zone,
  state_timeout_seconds: timeout,
  shifts,
  person_views: persons,
  live_states: live,
}) {
  const seconds = timeout.control.value.trim();
  return {
    name: name.control.value.trim(),
    time_zone: zone.control.value.trim(),
    // The API explains what is wrong with it.
    state_timeout_seconds: /^\d{1,9}$/.test(seconds) ? Number(seconds) : seconds,
    shifts: shifts.value(),
    ...(persons && { person_views: JSON.parse(persons.control.value) }),
    ...(live && { live_states: JSON.parse(live.control.value) }),
  };
}
