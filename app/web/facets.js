// Learns from payloads which fields there are and which values they have. Looks through lists and objects as the service does.

const MAX_PATH = 256; // what a filter may name
const MAX_TEXT = 256;

/**
 * A field. @typedef {{field: string, isNumeric: boolean, isName: boolean, values: {value: any, n: number}[], least: number,
 *   most: number}} Facet
 */

/** What was seen so far; each item counts once. */
export class Facets {
  #ids = new Set();
  #fields = new Map();

  /** Looks at items, `{id, payload}`. */
  see(items) {
    for (const { id, payload } of items) {
      if (this.#ids.has(id)) continue;
      this.#ids.add(id);
      for (const [field, values] of leavesOf(payload ?? {})) this.#count(field, values);
    }
  }

  /** How many items were seen. */
  get size() {
    return this.#ids.size;
  }

  /**
   * Fields that are worth asking about, those in which items differ: names last, the others as they were first seen.
   * @returns {Facet[]} Values, the most frequent first; a name is different for almost every item.
   */
  list() {
    const telling = [...this.#fields].filter(([, seen]) => seen.counts.size > 1 || seen.n < this.size);
    const fields = telling.map(([field, { counts, n }]) => {
      const values = [...counts].map(([value, number]) => ({ value, n: number })).sort(byNumber);
      const numbers = values.map(({ value }) => value).filter((value) => typeof value === "number");
      const isNumeric = numbers.length === values.length && numbers.length > 4;
      const isName = !isNumeric && counts.size > 12 && counts.size > 0.8 * n;
      return { field, isNumeric, isName, values, least: Math.min(...numbers), most: Math.max(...numbers) };
    });
    return [...fields.filter(({ isName }) => !isName), ...fields.filter(({ isName }) => isName)];
  }

  #count(field, values) {
    const seen = this.#fields.get(field) ?? { counts: new Map(), n: 0 };
    this.#fields.set(field, seen);
    seen.n += 1;
    for (const value of values) seen.counts.set(value, (seen.counts.get(value) ?? 0) + 1);
  }
}

// From paths to sets of values, such as "maker.born" to {1990}; a key's own dot is escaped.
function leavesOf(payload, prefix = "", leaves = new Map()) {
  for (const [key, value] of Object.entries(payload)) {
    const path = prefix + key.replace(/[\\.]/g, "\\$&");
    if (path.length <= MAX_PATH) look(path, value, leaves);
  }
  return leaves;
}

function look(path, value, leaves) {
  if (Array.isArray(value)) for (const element of value) look(path, element, leaves);
  else if (value !== null && typeof value === "object") leavesOf(value, `${path}.`, leaves);
  else if (typeof value !== "string" || value.length <= MAX_TEXT) leaves.set(path, (leaves.get(path) ?? new Set()).add(value));
}

const byNumber = (a, b) => b.n - a.n || order(a.value, b.value);
const order = (a, b) => (typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b)));
