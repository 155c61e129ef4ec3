// Draws how near a hit is and how probably it is relevant. Decides what is said in words beside each bar.

import { el } from "./dom.js";

const UNHEARD = "How probably it is relevant cannot be said: what was measured does not hold for such a query.";

/**
 * Shows a distance as a bar whose full width is the whole code, and in words.
 * @param {number} distance Differing bits.
 * @param {number} nBits Bits of a code.
 * @returns {HTMLElement} Bar and words; the bar itself is hidden from screen readers, who get the words.
 */
export function distanceBar(distance, nBits) {
  const bar = el("span", { class: "bar", "aria-hidden": "true" });
  bar.style.setProperty("--share", String(distance / nBits));
  bar.style.setProperty("--n-bytes", String(nBits / 8));
  const words = el("span", {}, `${distance} of ${nBits} bits`, el("span", { class: "sr" }, " differ"));
  return el("p", { class: "measure distance", "data-distance": distance }, bar, words);
}

/**
 * Shows how probably a hit is relevant, as a bar on which the interval is marked, and in words.
 * @param {number | null | undefined} precision Measured share of relevant items at this distance.
 * @param {[number, number]} interval Its 95 % interval.
 * @returns {HTMLElement | null} Bar and words; null where that was not measured.
 */
export function precisionBar(precision, interval) {
  if (typeof precision !== "number") return null;
  const bar = el("span", { class: "chance", "aria-hidden": "true" });
  bar.style.setProperty("--share", String(precision));
  bar.style.setProperty("--low", String(interval[0]));
  bar.style.setProperty("--high", String(interval[1]));
  const likely = el("span", { class: "sr" }, " likely to be relevant");
  const words = el("span", {}, percent(precision), likely, ` (${percents(interval)})`);
  return el("p", { class: "measure precision", "data-precision": precision }, bar, words);
}

/** Says in place of that bar that the query is of a kind that nothing was measured of. */
export function noChance() {
  return el("p", { class: "measure no-chance" }, UNHEARD);
}

/** Explains the bars, closed until somebody asks. */
export function barLegend(nBits, isMeasured, isStrange = false) {
  const bar = el("span", { class: "bar", "aria-hidden": "true" });
  bar.style.setProperty("--share", "0.2");
  bar.style.setProperty("--n-bytes", String(nBits / 8));
  const chance = el("span", { class: "chance", "aria-hidden": "true" });
  chance.style.setProperty("--share", "0.7");
  chance.style.setProperty("--low", "0.6");
  chance.style.setProperty("--high", "0.82");
  const measured = "how many of a hundred items at this distance were relevant when that was measured; pale: its 95 % interval.";
  const lines = [
    el("p", { class: "legend__line" }, bar, el("span", {}, `how much of the ${nBits}-bit code differs: the shorter, the nearer.`)),
    isMeasured ? el("p", { class: "legend__line" }, chance, el("span", {}, measured)) : null,
    isMeasured ? null : el("p", {}, isStrange ? UNHEARD : "How probably a hit is relevant was not measured for this kind of search."),
  ];
  return el("details", { class: "legend" }, el("summary", {}, "What the bars mean"), ...lines);
}

/** "80 %", and never a rounded "100 %" or "0 %" for what is less or more than that. */
export function percent(share) {
  return `${rounded(share)} %`;
}

const rounded = (share) => (share > 0 && share < 1 ? Math.min(99, Math.max(1, Math.round(share * 100))) : Math.round(share * 100));
const percents = ([low, high]) => `${Math.round(low * 100)}–${Math.round(high * 100)}`;
