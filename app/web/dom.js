// Builds elements. Decides that strings become text nodes, never markup: data cannot turn into HTML anywhere on this page.

/**
 * Makes an element.
 * @param {string} tag Tag name.
 * @param {Object<string, unknown>} attributes Attributes; `on…` functions become listeners, false and null are left out.
 * @param {...(Node | string | null)} children Appended in order; strings as text.
 * @returns {HTMLElement} The element.
 */
export function el(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

/** The same for SVG shapes. */
export function svg(tag, attributes = {}, ...children) {
  return fill(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);
}

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === false || value === null || value === undefined) continue;
    if (typeof value === "function") node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? "" : String(value));
  }
  node.append(...children.filter((child) => child !== null));
  return node;
}

/** "1 picture", "24 pictures". */
export function count(n, one, many = `${one}s`) {
  return `${n.toLocaleString("en")} ${n === 1 ? one : many}`;
}
