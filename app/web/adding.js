// Adds pictures to the index, batch by batch. Decides what is sent again and what is left as it is; knows no elements.
//
// Doing it again is harmless: what is there already, byte by byte, is not sent, and nothing else is overwritten unasked.

import { addItems, addressOfPicture, pictureAt, storedItems } from "./api.js";
import { Problem } from "./http.js";
import { untilBack } from "./recovery.js";

const BATCH_ITEMS = 16;
const BATCH_BYTES = 8 * 1024 * 1024;
const BUSY_S = 2; // pause where a busy service does not say how long it is busy

/**
 * Adds pictures.
 * @param {import("./pile.js").Picture[]} pictures Which.
 * @param {{mayReplace: boolean, signal: AbortSignal, onOutcome: (id: string, outcome: string, reason?: string) => void,
 *   onWaiting: (words: string) => void}} how Whether items of the same name are replaced; what ends it; told of each picture what
 *   became of it: `added`, `replaced`, `present`, `taken` (the name is another picture's) or `failed`; told when and why it waits.
 * @returns {Promise<void>} When all is done.
 * @throws {Problem} If nothing can be added at all, for want of a key or of a role.
 */
export async function addPictures(pictures, how) {
  for (const batch of batches(pictures)) {
    const missing = await patiently(how, () => sift(batch, how));
    if (missing.length) await send(missing, how);
    if (how.signal.aborted) return;
  }
}

function* batches(pictures) {
  let [batch, nBytes] = [[], 0];
  for (const picture of pictures) {
    if (batch.length === BATCH_ITEMS || (batch.length && nBytes + picture.file.size > BATCH_BYTES)) {
      yield batch;
      [batch, nBytes] = [[], 0];
    }
    batch.push(picture);
    nBytes += picture.file.size;
  }
  if (batch.length) yield batch;
}

// Tells of each what is there already; returns the others.
async function sift(batch, { mayReplace, signal, onOutcome }) {
  const known = await storedItems(batch.map(({ id }) => id), signal);
  const missing = [];
  const outcomes = [];
  for (const [i, picture] of batch.entries()) {
    const stored = known[i];
    if (stored && (await isSame(picture, stored, signal))) outcomes.push([picture.id, "present"]);
    else if (!stored || mayReplace || (await hasPicture(picture, stored, signal))) missing.push(picture);
    else outcomes.push([picture.id, "taken", "The name is taken by another item."]);
  }
  outcomes.forEach((outcome) => onOutcome(...outcome)); // not before: what fails half-way is done again
  return missing;
}

async function isSame(picture, stored, signal) {
  const caption = picture.caption ? await textOf(picture.caption) : null;
  return (!caption || caption === stored.text) && hasPicture(picture, stored, signal);
}

async function hasPicture({ id, file }, stored, signal) {
  if (!stored.image) return false;
  const bytes = await file.arrayBuffer();
  if (crypto.subtle) return hex(await crypto.subtle.digest("SHA-256", bytes)) === stored.image.sha256;
  const theirBytes = await (await pictureAt(addressOfPicture(id), signal)).arrayBuffer(); // over plain HTTP nothing is digested
  const [own, theirs] = [bytes, theirBytes].map((buffer) => new Uint8Array(buffer));
  return own.length === theirs.length && own.every((byte, i) => byte === theirs[i]);
}

const hex = (buffer) => Array.from(new Uint8Array(buffer), (byte) => byte.toString(16).padStart(2, "0")).join("");
const textOf = async (file) => (await file.text()).trim();

// One that is too large as a whole is sent in halves; what else is wrong with a request is wrong with everything in it.
async function send(batch, how) {
  const toItem = async ({ id, caption, payload }) => ({ id, payload, ...(caption ? { text: await textOf(caption) } : {}) });
  const items = await Promise.all(batch.map(toItem));
  const files = batch.map(({ file }) => file);
  try {
    const results = await patiently(how, () => addItems(items, files, how.signal));
    results.forEach(({ status, error }, i) => how.onOutcome(batch[i].id, status, error?.detail));
  } catch (error) {
    if (!(error instanceof Problem) || [401, 403].includes(error.status)) throw error;
    if (error.status === 413 && batch.length > 1) {
      const half = Math.ceil(batch.length / 2);
      await send(batch.slice(0, half), how);
      await send(batch.slice(half), how);
    } else batch.forEach(({ id }) => how.onOutcome(id, "failed", error.detail));
  }
}

// Waits for a service that is away or busy, and does it again.
async function patiently({ signal, onWaiting }, work) {
  for (;;) {
    try {
      const done = await work();
      onWaiting("");
      return done;
    } catch (error) {
      if (error.isAway) {
        onWaiting("The service cannot be reached. This goes on as soon as it answers.");
        await Promise.race([untilBack(signal), ended(signal)]);
      } else if ([429, 503].includes(error.status)) {
        onWaiting(`${error.title}. This goes on in a moment.`);
        await Promise.race([new Promise((go) => setTimeout(go, 1000 * (error.retryAfterS ?? BUSY_S))), ended(signal)]);
      } else throw error;
      signal.throwIfAborted();
    }
  }
}

const ended = (signal) => new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
