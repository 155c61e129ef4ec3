// Remembers what the entries of the history showed, so that Back finds the same results in the same place without asking again.

const KEPT = 12; // entries whose results are kept
const shown = new Map(); // from an entry's number to {pages, about, scrollY}
let here = history.state?.visit ?? 0;
history.scrollRestoration = "manual"; // the browser would scroll before there is anything to scroll to

/** Begins a new entry of the history. */
export function begin(address, state) {
  leave();
  here += 1; // what lay ahead is gone from the history, so its numbers are free
  history.pushState({ ...state, visit: here }, "", address);
}

/**
 * Notes that the visitor has gone back or forward.
 * @returns {{pages: object[], about: object, scrollY: number} | undefined} What the entry showed, if that is still known.
 */
export function arrive() {
  leave();
  here = history.state?.visit ?? 0;
  return shown.get(here);
}

/** Keeps an answer and what is needed to show it again; further pages are to be pushed onto `pages`. */
export function keep(pages, about) {
  shown.delete(here);
  shown.set(here, { pages, about, scrollY: 0 });
  for (const oldest of [...shown.keys()].slice(0, -KEPT)) shown.delete(oldest);
}

/** Forgets everything, because it is not for everybody or not true any more. */
export function forgetVisits() {
  shown.clear();
}

function leave() {
  const kept = shown.get(here);
  if (kept) kept.scrollY = window.scrollY;
}
