// Table rows that stay the same nodes while their content changes, so that focus and selection survive.

/**
 * @param {HTMLElement} body parent of the rows
 * @param {{key: (item) => string, make: (item) => {node, update(item)}}} options keys are distinct
 * @returns {(items: object[]) => void} shows exactly these items in this order
 */
export function createRows(body, { key, make }) {
  let rows = new Map();
  return (items) => {
    const next = new Map();
    let before = null; // the row that the next one follows
    for (const item of items) {
      const name = key(item);
      const row = rows.get(name) ?? make(item);
      row.update(item);
      next.set(name, row);
      const place = before ? before.nextSibling : body.firstChild;
      if (place !== row.node) body.insertBefore(row.node, place);
      before = row.node;
    }
    for (const [name, { node }] of rows) if (!next.has(name)) node.remove();
    rows = next;
  };
}
