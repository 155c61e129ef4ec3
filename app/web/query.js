// What is searched, and how that is written in the page's address. Knows neither the service nor the page.

import { parametersOf, wishesFrom } from "./filters.js";

export const DEFAULTS = { target: "", k: 24, sure: 0, share: 0.5 };
const TARGETS = ["", "image", "text"];

/**
 * A search: a text, a picture (an item's, or one of the visitor's own by its number), or both with the picture's share; none of
 * them for the empty page. It may insist on being answered however strange it is.
 * @typedef {{text?: string, like?: string, upload?: number, share?: number, target: string, k: number, sure: number,
 *   wishes: object[], insist?: boolean}} Query
 */

/**
 * Reads a query from an address.
 * @param {string} search `location.search`.
 * @param {{amounts: number[], chances: number[]}} allowed Numbers of results, and least expected precisions.
 * @returns {Query} Unknown values are replaced by the defaults.
 */
export function fromAddress(search, { amounts, chances }) {
  const parameters = new URLSearchParams(search);
  const target = parameters.get("target") ?? DEFAULTS.target;
  const k = Number(parameters.get("k") ?? DEFAULTS.k);
  const sure = Number(parameters.get("sure") ?? DEFAULTS.sure);
  const text = (parameters.get("q") ?? "").trim();
  const like = parameters.get("like") ?? "";
  const share = Number(parameters.get("share") ?? DEFAULTS.share);
  return {
    ...(text ? { text } : {}),
    ...(like ? { like } : {}),
    ...(text && like ? { share: share >= 0 && share <= 1 ? share : DEFAULTS.share } : {}),
    target: TARGETS.includes(target) ? target : DEFAULTS.target,
    k: amounts.includes(k) ? k : DEFAULTS.k,
    sure: chances.includes(sure) ? sure : DEFAULTS.sure,
    wishes: wishesFrom(parameters),
    ...(parameters.get("insist") === "1" ? { insist: true } : {}),
  };
}

/** Writes a query as an address; an uploaded picture cannot be written, so only its options are. */
export function toAddress({ text, like, share, target, k, sure, wishes, insist }) {
  const parameters = new URLSearchParams();
  if (text) parameters.set("q", text);
  if (like) parameters.set("like", like);
  if (text && like && share !== DEFAULTS.share) parameters.set("share", String(share));
  if (target !== DEFAULTS.target) parameters.set("target", target);
  if (k !== DEFAULTS.k) parameters.set("k", String(k));
  if (sure !== DEFAULTS.sure) parameters.set("sure", String(sure));
  if (insist) parameters.set("insist", "1");
  for (const [name, value] of parametersOf(wishes)) parameters.append(name, value);
  const written = parameters.toString();
  return written ? `?${written}` : "./";
}

/** What a query is called in a sentence. */
export function wordsFor({ text, like, upload }) {
  const picture = like ? "this picture" : upload ? "your picture" : "";
  if (text && picture) return `“${text}” with ${picture}`;
  return text ? `“${text}”` : picture;
}

/** Which kind of code a query is compared with, `image` or `text`; "" where only the service knows. */
export function targetOf({ text, like, upload, target }) {
  if (target) return target;
  return text ? "image" : upload ? "text" : "";
}

/** True when there is something to search with. */
export function isSearch({ text, like, upload }) {
  return Boolean(text || like || upload);
}
