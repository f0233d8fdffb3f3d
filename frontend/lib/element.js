// Elements from values. Text is only ever set as text, so markup in a name stays text.

/**
 * @param {string} name
 * @param {Record<string, string|number|undefined>} attributes
 * @param {...(Node|string|null)} children
 */
export function element(name, attributes = {}, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value !== undefined) node.setAttribute(key, String(value));
  }
  node.append(...children.filter((child) => child !== null));
  return node;
}
