// What the visitor wants of payloads, and how that is written: in an address, for the service, in words. Knows no elements.

/**
 * One field's wish: it has one of the values, or a number within the bounds.
 * @typedef {{field: string, values?: (string | number | boolean | null)[], range?: {gte?: number, lte?: number}}} Wish
 */

const NUMBER = String.raw`-?\d+(?:\.\d+)?(?:e[+-]?\d+)?`;
const RANGE = new RegExp(`^(${NUMBER})?\\.\\.(${NUMBER})?$`, "i");
const PREFIX = "f.";

/** Reads wishes from the parameters of an address; a range counts before values of the same field. */
export function wishesFrom(parameters) {
  const wishes = new Map();
  for (const [name, written] of parameters) {
    const field = name.startsWith(PREFIX) ? name.slice(PREFIX.length) : "";
    if (!field) continue;
    const range = rangeOf(written);
    const before = wishes.get(field);
    if (range) wishes.set(field, { field, range });
    else if (!before?.range) wishes.set(field, { field, values: [...new Set([...(before?.values ?? []), valueOf(written)])] });
  }
  return [...wishes.values()];
}

/** Writes wishes as parameters of an address, `[name, value]` each. */
export function parametersOf(wishes) {
  return wishes.flatMap(({ field, values, range }) =>
    range ? [[PREFIX + field, `${range.gte ?? ""}..${range.lte ?? ""}`]] : values.map((value) => [PREFIX + field, written(value)]),
  );
}

/** Writes wishes as the service's filter; nothing for none. */
export function expressionOf(wishes) {
  const parts = wishes.map(({ field, values, range }) => (range ? { field, ...range } : { field, in: values }));
  return parts.length > 1 ? { and: parts } : parts[0];
}

/** Wishes with a value of a field added, or taken away if it is there. */
export function toggled(wishes, field, value) {
  const old = wishes.find((wish) => wish.field === field)?.values ?? [];
  const values = old.includes(value) ? old.filter((other) => other !== value) : [...old, value];
  return replaced(wishes, values.length ? { field, values } : { field });
}

/** Wishes with one field's bounds set, or taken away if both are missing. */
export function bounded(wishes, field, gte, lte) {
  const range = { ...(Number.isFinite(gte) ? { gte } : {}), ...(Number.isFinite(lte) ? { lte } : {}) };
  return replaced(wishes, Object.keys(range).length ? { field, range } : { field });
}

/** Every single wish in words, with the wishes that are left without it. */
export function spokenWishes(wishes) {
  return wishes.flatMap(({ field, values, range }) => {
    if (range) return [{ words: `${field}: ${rangeWords(range)}`, without: bounded(wishes, field) }];
    return values.map((value) => ({ words: `${field}: ${valueWords(value)}`, without: toggled(wishes, field, value) }));
  });
}

/** What a value is called. */
export const valueWords = (value) => (value === "" ? "(empty)" : String(value));

function replaced(wishes, wish) {
  const place = wishes.findIndex(({ field }) => field === wish.field);
  const rest = place < 0 ? [...wishes, wish] : wishes.with(place, wish);
  return rest.filter(({ values, range }) => values || range);
}

function rangeWords({ gte, lte }) {
  if (gte === undefined) return `at most ${lte}`;
  return lte === undefined ? `at least ${gte}` : `${gte} to ${lte}`;
}

function rangeOf(text) {
  const found = RANGE.exec(text);
  if (!found || text === "..") return null;
  const [gte, lte] = [found[1], found[2]].map((end) => (end === undefined ? undefined : Number(end)));
  return { ...(gte === undefined ? {} : { gte }), ...(lte === undefined ? {} : { lte }) };
}

// A text is written as it is, unless it would be read as something else.
function written(value) {
  return typeof value === "string" && !rangeOf(value) && valueOf(value) === value ? value : JSON.stringify(value);
}

function valueOf(text) {
  try {
    const value = JSON.parse(text);
    return typeof value === "object" && value !== null ? text : value;
  } catch {
    return text;
  }
}
