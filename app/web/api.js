// Talks to the service, with a key where it wants one. Decides how failures are put into words; knows nothing of the page.

import { askForKey, forgetKey, keptKey } from "./keys.js";

/** A refusal or failure that can be shown as it is: a title, a sentence and, if the service says so, in how many seconds to try again. */
export class Problem extends Error {
  constructor(title, detail, status = 0, retryAfterS = null) {
    super(detail || title);
    this.title = title;
    this.detail = detail;
    this.status = status;
    this.retryAfterS = retryAfterS;
  }
}

// Addresses are relative to the page, so that the service also works under a path prefix.
const address = (path) => new URL(path, document.baseURI);

/**
 * Searches with a text.
 * @param {string} query What is looked for.
 * @param {{k: number, target: string, sure: number, cursor?: string}} options Hits a page; `image`, `text` or "" for the service's
 *   choice; least expected precision, 0 for any; which page.
 * @param {AbortSignal} signal Ends the request.
 * @returns {Promise<object>} The service's answer, `{hits, nextCursor, noMatch, query, elapsedMs}`.
 */
export function searchText(query, options, signal) {
  return askInJson("search/text", { query }, options, signal);
}

/** Searches for items like one that is stored; otherwise like {@link searchText}. */
export function searchLike(id, options, signal) {
  return askInJson("search/id", { id }, options, signal);
}

/** Searches with a picture's bytes; otherwise like {@link searchText}. */
export function searchImage(blob, { k, target, sure, cursor }, signal) {
  const body = new FormData();
  body.append("image", blob, blob.name ?? "picture");
  body.append("k", String(k));
  if (target) body.append("target", target);
  if (sure) body.append("min_precision", String(sure));
  if (cursor) body.append("cursor", cursor);
  return ask("search/image", { method: "POST", body, signal });
}

/** Returns the stored picture at an address as a Blob; never asks for a key. */
export async function pictureAt(url, signal) {
  const response = await sendWithKey(url, { signal }, keptKey());
  if (!response.ok) throw await problemOf(response);
  return response.blob();
}

/** Returns where the picture of an item is. */
export const addressOfPicture = (id) => address(`index/${encodeURIComponent(id)}/image`).href;

/** Returns what the service says about itself; a service that is not ready answers that too, so it does not throw for it. */
export async function readiness() {
  const response = await fetch(address("readyz"), { headers: { accept: "application/json" } });
  return { ready: response.ok, ...(await response.json()) };
}

function askInJson(path, what, { k, target, sure, cursor }, signal) {
  const chosen = { ...(target ? { target } : {}), ...(sure ? { min_precision: sure } : {}), ...(cursor ? { cursor } : {}) };
  const body = JSON.stringify({ ...what, k, ...chosen });
  return ask(path, { method: "POST", headers: { "content-type": "application/json" }, body, signal });
}

async function ask(path, init) {
  const { response, startedAt } = await send(path, init);
  try {
    const { hits, query, next_cursor: nextCursor = null, no_match: noMatch = false } = await response.json();
    const elapsedMs = performance.now() - startedAt;
    return { hits: hits.map((hit) => ({ ...hit, image_url: pictureAddress(hit.image_url) })), nextCursor, noMatch, query, elapsedMs };
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem("An answer that cannot be read", "The service answered, but not with search results.", response.status);
  }
}

const pictureAddress = (url) => (url ? address(url.replace(/^\//, "")).href : null);

// Where a key is needed the visitor is asked for one, and the request is sent once more; a key given meanwhile is tried as well.
async function send(path, init) {
  for (;;) {
    const key = keptKey();
    const startedAt = performance.now(); // typing a key is no part of it
    const response = await sendWithKey(path, init, key);
    if (response.ok) return { response, startedAt };
    if (response.status !== 401) throw await problemOf(response);
    if (keptKey() !== key) continue;
    if (key) forgetKey();
    if (!(await askForKey(refusalOf, key ? "The key is not known any more." : ""))) throw await problemOf(response);
  }
}

async function refusalOf(key) {
  try {
    const response = await sendWithKey("stats", {}, key);
    if (response.ok) return "";
    if (response.status === 401) return "The service does not know this key.";
    const { detail, retryAfterS } = await problemOf(response);
    return [detail, laterWords(retryAfterS)].filter(Boolean).join(" – ");
  } catch (error) {
    return error.message;
  }
}

/** Says when to try again; nothing if the service did not. */
export function laterWords(seconds) {
  if (seconds === null) return "";
  const time = new Date(Date.now() + seconds * 1000).toLocaleTimeString("en-GB");
  return `Try again in ${seconds} ${seconds === 1 ? "second" : "seconds"}, at ${time}.`;
}

async function sendWithKey(path, init, key) {
  try {
    return await fetch(address(path), { ...init, headers: { ...init.headers, ...(key ? { authorization: `Bearer ${key}` } : {}) } });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    if (key && !/^[\x21-\x7e]+$/.test(key)) throw new Problem("This cannot be a key", "A key has only letters, digits and signs.");
    throw new Problem("The service cannot be reached", "It may be starting or stopped. Wait a moment and try again.");
  }
}

// Errors come as RFC 9457 problems; a proxy in between may answer with anything else.
async function problemOf(response) {
  const type = response.headers.get("content-type") ?? "";
  const problem = type.includes("json") ? await response.json().catch(() => ({})) : {};
  const title = typeof problem.title === "string" ? problem.title : `The service answered ${response.status}`;
  const detail = typeof problem.detail === "string" ? problem.detail : "It gave no further explanation.";
  const later = response.headers.get("retry-after") ?? "";
  return new Problem(title, detail, response.status, /^\d{1,6}$/.test(later) ? Number(later) : null);
}
