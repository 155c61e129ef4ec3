// Talks to the service. Decides how failures are put into words; knows nothing of the page.

/** A refusal or failure that can be shown as it is: a title and a sentence. */
export class Problem extends Error {
  constructor(title, detail, status = 0) {
    super(detail || title);
    this.title = title;
    this.detail = detail;
    this.status = status;
  }
}

// Addresses are relative to the page, so that the service also works under a path prefix.
const address = (path) => new URL(path, document.baseURI);

/**
 * Searches with a text.
 * @param {string} query What is looked for.
 * @param {{k: number, target: string}} options Number of hits; `image`, `text` or "" for the service's choice.
 * @param {AbortSignal} signal Ends the request.
 * @returns {Promise<object>} The service's answer, `{hits, query}`.
 */
export function searchText(query, { k, target }, signal) {
  const body = JSON.stringify({ query, k, ...(target ? { target } : {}) });
  return ask("search/text", { method: "POST", headers: { "content-type": "application/json" }, body, signal });
}

/** Searches with a picture's bytes; otherwise like {@link searchText}. */
export function searchImage(blob, { k, target }, signal) {
  const body = new FormData();
  body.append("image", blob, blob.name ?? "picture");
  body.append("k", String(k));
  if (target) body.append("target", target);
  return ask("search/image", { method: "POST", body, signal });
}

/** Returns the stored picture of an item as a Blob. */
export async function itemImage(id, signal) {
  const response = await send(`index/${encodeURIComponent(id)}/image`, { signal });
  return response.blob();
}

/** Returns what the service says about itself; a service that is not ready answers that too, so it does not throw for it. */
export async function readiness() {
  const response = await fetch(address("readyz"), { headers: { accept: "application/json" } });
  return { ready: response.ok, ...(await response.json()) };
}

async function ask(path, init) {
  const response = await send(path, init);
  try {
    const { hits, query } = await response.json();
    return { hits: hits.map((hit) => ({ ...hit, image_url: pictureAddress(hit.image_url) })), query };
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem("An answer that cannot be read", "The service answered, but not with search results.", response.status);
  }
}

const pictureAddress = (url) => (url ? address(url.replace(/^\//, "")).href : null);

async function send(path, init) {
  let response;
  try {
    response = await fetch(address(path), init);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem("The service cannot be reached", "It may be starting or stopped. Wait a moment and try again.");
  }
  if (!response.ok) throw await problemOf(response);
  return response;
}

// Errors come as RFC 9457 problems; a proxy in between may answer with anything else.
async function problemOf(response) {
  const type = response.headers.get("content-type") ?? "";
  const problem = type.includes("json") ? await response.json().catch(() => ({})) : {};
  const title = typeof problem.title === "string" ? problem.title : `The service answered ${response.status}`;
  const detail = typeof problem.detail === "string" ? problem.detail : "It gave no further explanation.";
  return new Problem(title, detail, response.status);
}
