// Loads the pictures of hits. Decides how one is loaded that needs a key, which an <img> cannot send, and when it is given back.

import { pictureAt } from "./api.js";
import { keptKey } from "./keys.js";

const AHEAD = "400px"; // a picture is fetched when it is so near to the window
const waiting = new Map(); // from images that are not in sight yet to their addresses
const held = new Set(); // object URLs that are shown
let dropping = new AbortController();

const sight = new IntersectionObserver(
  (entries) => entries.filter((entry) => entry.isIntersecting).forEach(({ target }) => load(target)),
  { rootMargin: AHEAD },
);

/**
 * Shows a picture in an element, which gets an `error` event if that fails.
 * @param {HTMLImageElement} image The element.
 * @param {string} url The picture's address at the service.
 * @returns {HTMLImageElement} The element.
 */
export function showPicture(image, url) {
  if (keptKey()) {
    waiting.set(image, url);
    sight.observe(image);
  } else image.src = url;
  return image;
}

/** Gives back every picture: those who showed them are about to leave the page. */
export function dropPictures() {
  dropping.abort();
  dropping = new AbortController();
  sight.disconnect();
  waiting.clear();
  held.forEach((url) => URL.revokeObjectURL(url));
  held.clear();
}

async function load(image) {
  const { signal } = dropping;
  const url = waiting.get(image);
  sight.unobserve(image);
  waiting.delete(image);
  if (!url) return;
  try {
    const blob = await pictureAt(url, signal);
    if (signal.aborted) return;
    image.src = URL.createObjectURL(blob);
    held.add(image.src);
  } catch {
    if (!signal.aborted) image.dispatchEvent(new Event("error"));
  }
}
