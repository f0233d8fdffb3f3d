// The keys of the timeline.

const ZOOM = 0.5;

/**
 * @param {HTMLElement} node the element with the focus
 * @param {{zoom(factor), reset(), step(direction), jump(direction), edge(direction), row(by), page(direction), open(),
 *   choose(), leave()}} act step moves through time, jump to the next span or column, edge to the first or last instant
 */
export function listenToKeys(node, act) {
  const keys = {
    "+": () => act.zoom(ZOOM),
    "=": () => act.zoom(ZOOM),
    "-": () => act.zoom(1 / ZOOM),
    0: () => act.reset(),
    ArrowLeft: ({ shiftKey }) => (shiftKey ? act.jump(-1) : act.step(-1)),
    ArrowRight: ({ shiftKey }) => (shiftKey ? act.jump(1) : act.step(1)),
    ArrowUp: () => act.row(-1),
    ArrowDown: () => act.row(1),
    PageUp: () => act.page(-1),
    PageDown: () => act.page(1),
    Home: () => act.edge(-1),
    End: () => act.edge(1),
    Enter: () => act.open(),
    " ": () => act.choose(),
    Escape: () => act.leave(),
  };
  function press(event) {
    if (event.target !== node || event.ctrlKey || event.metaKey || event.altKey || !Object.hasOwn(keys, event.key))
      return;
    event.preventDefault();
    keys[event.key](event);
  }
  node.addEventListener("keydown", press);
}
