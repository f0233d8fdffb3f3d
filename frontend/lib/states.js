// The states of workers and workstations: how each is drawn, and the letter used where there is no room.

/** The looks of a bar in the order in which shares are stacked from the bottom; absent is what stays empty. */
export const LOOKS = ["working", "idle", "unknown", "absent"];

/**
 * `look` names the drawing, `colour` the CSS variable. A station's states are drawn like the corresponding states of a
 * worker.
 */
export const STATES = {
  working: { look: "working", colour: "--working", letter: "W" },
  idle: { look: "idle", colour: "--idle", letter: "I" },
  absent: { look: "absent", colour: "--absent", letter: "A" },
  unknown: { look: "unknown", colour: "--unknown", letter: "?" },
  productive: { look: "working", colour: "--working", letter: "P" },
  occupied: { look: "idle", colour: "--idle", letter: "O" },
  free: { look: "absent", colour: "--absent", letter: "F" },
};

/** The states that each kind of row can be in, the most telling first. */
export const STATES_OF = {
  worker: ["working", "idle", "absent", "unknown"],
  workstation: ["productive", "occupied", "free"],
};

/** The state of this kind of row that is drawn as the look of this number; undefined where there is none. */
export function stateOfLook(entity, look) {
  return STATES_OF[entity].find((state) => STATES[state].look === LOOKS[look]);
}

/** The number of the look of a state. */
export function lookOf(state) {
  return LOOKS.indexOf(STATES[state].look);
}
