// The service's routes as functions. Decides which fields are sent; knows nothing of the page.

import { expressionOf } from "./filters.js";
import { address, askJson, getQuietly, postJson, Problem } from "./http.js";

/**
 * What hits are wanted: so many a page; `image`, `text` or "" for the service's choice; least expected precision, 0 for any; which
 * payloads; whether however strange the query is; and whether it shall be explained why they were found.
 * @typedef {import("./filters.js").Wish} Wish
 * @typedef {{k: number, target: string, sure: number, wishes: Wish[], insist?: boolean, cursor?: string,
 *   explain?: boolean}} Wanted
 */

/**
 * Searches with a text.
 * @param {string} query What is looked for.
 * @param {Wanted} wanted Which hits.
 * @param {AbortSignal} signal Ends the request.
 * @returns {Promise<object>} The service's answer, `{hits, nextCursor, noMatch, isUnfamiliar, query,
 *   elapsedMs}`.
 */
export const searchText = (query, wanted, signal) => inJson("search/text", { query }, wanted, signal);

/** Searches for items like one that is stored; otherwise like {@link searchText}. */
export const searchLike = (id, wanted, signal) => inJson("search/id", { id }, wanted, signal);

/** Searches with a code that an earlier answer told; otherwise like {@link searchText}. */
export const searchCode = ({ code, modality }, wanted, signal) =>
  inJson("search/code", { code, ...(modality ? { modality } : {}) }, wanted, signal);

/** Searches with a picture's bytes; otherwise like {@link searchText}. */
export function searchImage(blob, wanted, signal) {
  const fields = Object.entries(bounds(wanted)).map(([name, value]) => [name, name === "filter" ? JSON.stringify(value) : value]);
  return asForm("search/image", [["image", blob, blob.name ?? "picture"], ...fields], signal);
}

/**
 * Searches with words and a picture at once; what mixes are worth was never measured, so no precision can be wanted.
 * @param {string} text The words.
 * @param {{blob?: Blob, id?: string}} picture A picture's bytes, or the item whose picture it is.
 * @param {number} share The picture's weight, 0 to 1; the words have the rest.
 * @param {Wanted} wanted Which hits.
 * @param {AbortSignal} signal Ends the request.
 * @returns {Promise<object>} As {@link searchText}.
 */
export function searchMix(text, { blob, id }, share, wanted, signal) {
  const parts = [{ text, weight: 1 - share }, { ...(blob ? { image: "picture" } : { id }), weight: share }];
  const query = { parts, ...bounds({ ...wanted, sure: 0 }) };
  if (!blob) return inJson("search/mix", query, {}, signal);
  return asForm("search/mix", [["query", JSON.stringify(query)], ["picture", blob, "picture"]], signal);
}

/** Returns an item as it is stored, `{text, payload, image, codes, …}`. */
export const item = async (id, signal) => (await askJson(`index/${encodeURIComponent(id)}`, { signal })).content;

/** Says of a hit whether it is relevant; returns why that was not kept, or "". */
export async function judge({ code, modality, bundle_id }, { id, target }, relevant) {
  const judgements = [{ query: { code, modality, bundle_id }, id, target, relevant }];
  const [result] = (await postJson("feedback", { judgements })).content.results;
  return result.error?.detail ?? "";
}

/** Returns the stored picture at an address as a Blob; never asks for a key. */
export const pictureAt = async (url, signal) => (await getQuietly(url, signal)).blob();

/** Returns where the picture of an item is. */
export const addressOfPicture = (id) => address(`index/${encodeURIComponent(id)}/image`).href;

/**
 * Adds items with a picture each.
 * @param {{id: string, text?: string, payload: object}[]} items The items.
 * @param {File[]} files Their pictures.
 * @param {AbortSignal} signal Ends the request.
 * @returns {Promise<{id: string, status: string, error?: object}[]>} What became of each, in order.
 */
export async function addItems(items, files, signal) {
  const body = new FormData();
  body.append("items", JSON.stringify(items.map((one, i) => ({ ...one, image: `file-${i}` }))));
  files.forEach((file, i) => body.append(`file-${i}`, file, "picture")); // a name with odd letters could not be sent
  return (await askJson("index", { method: "POST", body, signal })).content.results;
}

/** Returns items as they are stored, in order; null for ids that are not there. */
export const storedItems = async (ids, signal) => (await postJson("index/lookup", { ids }, signal)).content.items;

/** Returns the items that were written first, and whether these are all. */
export async function someItems(limit) {
  const { items, next_cursor: next } = (await askJson(`index?limit=${limit}`)).content;
  return { items, isAll: next === null };
}

/** Returns how many items match a filter of the service's. */
export const countItems = async (filter) => (await postJson("index/count", { filter })).content.n_items;

/** Returns how many codes of pictures and of texts are indexed, `{image, text}`; null where the service does not tell. */
export async function holdings(signal) {
  try {
    const { index } = await (await getQuietly("stats", signal)).json();
    return { image: index.image.n_codes, text: index.text.n_codes };
  } catch (error) {
    if (error.name === "AbortError") throw error;
    return null;
  }
}

/** Returns what the service says about itself; a service that is not ready answers that too, so it does not throw for it. */
export async function readiness() {
  const response = await fetch(address("readyz"), { headers: { accept: "application/json" } });
  return { ready: response.ok, ...(await response.json()) };
}

/** Tells whether the service answers at all. */
export const isThere = () => fetch(address("livez"), { cache: "no-store" }).then((response) => response.ok, () => false);

function bounds({ k, target, sure, wishes = [], insist, cursor, explain }) {
  const filter = expressionOf(wishes);
  const wanted = { k, target, min_precision: sure, filter, cursor, explain };
  const asked = Object.fromEntries(Object.entries(wanted).filter(([, value]) => value));
  return insist ? { ...asked, min_familiarity: 0 } : asked;
}

const inJson = async (path, what, wanted, signal) => answerOf(await postJson(path, { ...what, ...bounds(wanted) }, signal));

async function asForm(path, parts, signal) {
  const body = new FormData();
  for (const part of parts) body.append(...part);
  return answerOf(await askJson(path, { method: "POST", body, signal }));
}

function answerOf({ content, elapsedMs, response }) {
  const { hits, query, next_cursor: nextCursor = null, no_match: noMatch = false, no_match_reason: reason } = content ?? {};
  if (!Array.isArray(hits) || !query) {
    throw new Problem("An answer that cannot be read", "The service answered, but not with search results.", response.status);
  }
  const found = hits.map((hit) => ({ ...hit, image_url: hit.image_url ? address(hit.image_url.replace(/^\//, "")).href : null }));
  return { hits: found, nextCursor, noMatch, isUnfamiliar: reason === "unfamiliar", query, elapsedMs };
}
