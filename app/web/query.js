// What is searched, and how that is written in the page's address. Knows neither the service nor the page.

export const DEFAULTS = { target: "", k: 24 };
const TARGETS = ["", "image", "text"];

/**
 * A search: exactly one of text, like and upload is given, or none for the empty page.
 * @typedef {{text?: string, like?: string, upload?: number, target: string, k: number}} Query
 */

/**
 * Reads a query from an address.
 * @param {string} search `location.search`.
 * @param {number[]} amounts Allowed numbers of results.
 * @returns {Query} Unknown values are replaced by the defaults.
 */
export function fromAddress(search, amounts) {
  const parameters = new URLSearchParams(search);
  const target = parameters.get("target") ?? DEFAULTS.target;
  const k = Number(parameters.get("k") ?? DEFAULTS.k);
  const text = (parameters.get("q") ?? "").trim();
  const like = parameters.get("like") ?? "";
  return {
    ...(text ? { text } : like ? { like } : {}),
    target: TARGETS.includes(target) ? target : DEFAULTS.target,
    k: amounts.includes(k) ? k : DEFAULTS.k,
  };
}

/** Writes a query as an address; an uploaded picture cannot be written, so only its options are. */
export function toAddress({ text, like, target, k }) {
  const parameters = new URLSearchParams();
  if (text) parameters.set("q", text);
  else if (like) parameters.set("like", like);
  if (target !== DEFAULTS.target) parameters.set("target", target);
  if (k !== DEFAULTS.k) parameters.set("k", String(k));
  const written = parameters.toString();
  return written ? `?${written}` : "./";
}

/** True when there is something to search with. */
export function isSearch({ text, like, upload }) {
  return Boolean(text || like || upload);
}
