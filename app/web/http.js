// Sends requests, with a key where the service wants one. Decides how failures are put into words; knows nothing of the page.

import { askForKey, forgetKey, keptKey } from "./keys.js";

/** A refusal or failure that can be shown as it is: a title, a sentence, and perhaps in how many seconds to try again. */
export class Problem extends Error {
  constructor(title, detail, status = 0, retryAfterS = null) {
    super(detail || title);
    this.title = title;
    this.detail = detail;
    this.status = status;
    this.retryAfterS = retryAfterS;
    this.isAway = false; // nobody answered
  }
}

/** Makes an address relative to the page, so that the service also works under a path prefix. */
export const address = (path) => new URL(path, document.baseURI);

/**
 * Sends a request and returns the answer's JSON; where a key is needed the visitor is asked for one.
 * @param {string} path Where to.
 * @param {RequestInit} init As for `fetch`.
 * @returns {Promise<{content: any, response: Response, elapsedMs: number}>} What came, and how long that took.
 */
export async function askJson(path, init = {}) {
  const { response, startedAt } = await send(path, init);
  try {
    return { content: await response.json(), response, elapsedMs: performance.now() - startedAt };
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem("An answer that cannot be read", "The service answered, but not in its own words.", response.status);
  }
}

/** The same for text. */
export async function askText(path) {
  return (await send(path, {})).response.text();
}

/** The same for a body that is JSON. */
export function postJson(path, content, signal) {
  return askJson(path, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(content), signal });
}

/** Returns what stands at an address as a Response; asks for no key. */
export async function getQuietly(url, signal) {
  const response = await sendWithKey(url, { signal }, keptKey());
  if (!response.ok) throw await problemOf(response);
  return response;
}

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
    const headers = { ...init.headers, ...(key ? { authorization: `Bearer ${key}` } : {}) };
    return await fetch(address(path), { ...init, headers });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    if (key && !/^[\x21-\x7e]+$/.test(key)) throw new Problem("This cannot be a key", "A key has only letters, digits and signs.");
    const detail = "It may be starting or stopped. This page goes on as soon as it answers.";
    throw Object.assign(new Problem("The service cannot be reached", detail), { isAway: true });
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
