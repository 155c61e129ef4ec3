// Draws codes and distances. Knows that a code arrives as hex of its packed bytes, lowest bit first within a byte.

import { el, svg } from "./dom.js";

/**
 * Unpacks a code.
 * @param {string} hex Two digits a byte.
 * @returns {boolean[]} One entry a bit, bit i of the code at place i.
 */
export function bitsOf(hex) {
  const bytes = (hex.match(/[0-9a-f]{2}/gi) ?? []).map((pair) => Number.parseInt(pair, 16));
  return bytes.flatMap((byte) => Array.from({ length: 8 }, (_, i) => ((byte >> i) & 1) === 1));
}

/**
 * Draws a code as a field of squares, eight bits a row up to 64 bits and sixteen above.
 * @param {string} hex The code.
 * @returns {SVGElement} A picture with a text alternative.
 */
export function bitField(hex) {
  const bits = bitsOf(hex);
  const columns = bits.length > 64 ? 16 : 8;
  const rows = Math.max(1, Math.ceil(bits.length / columns));
  const squares = bits.map((on, i) =>
    svg("rect", { class: on ? "on" : "off", x: i % columns, y: Math.floor(i / columns), width: 0.84, height: 0.84 }),
  );
  const label = `Code of ${bits.length} bits, ${bits.filter(Boolean).length} of them set: ${hex}`;
  const box = `-0.08 -0.08 ${columns} ${rows}`;
  return svg("svg", { class: "bit-field", viewBox: box, role: "img", "aria-label": label }, ...squares);
}

/**
 * Shows a distance as words and as a bar whose full width is the whole code.
 * @param {number} distance Differing bits.
 * @param {number} nBits Bits of a code.
 * @returns {HTMLElement} Bar and words; the bar itself is hidden from screen readers, who get the words.
 */
export function distanceBar(distance, nBits) {
  const bar = el("span", { class: "bar", "aria-hidden": "true" });
  bar.style.setProperty("--share", String(distance / nBits));
  bar.style.setProperty("--n-bytes", String(nBits / 8));
  const words = `${distance} of ${nBits} ${nBits === 1 ? "bit differs" : "bits differ"}`;
  return el("p", { class: "distance", "data-distance": distance }, bar, el("span", {}, words));
}

/**
 * Shows how probably a hit is relevant, as words and as a bar on which the interval is marked.
 * @param {number | null | undefined} precision Measured share of relevant items at this distance.
 * @param {[number, number]} interval Its 95 % interval.
 * @returns {HTMLElement | null} Bar and words; null where that was not measured.
 */
export function precisionBar(precision, interval) {
  if (typeof precision !== "number") return null;
  const [low, high] = interval.map((share) => Math.round(share * 100));
  const bar = el("span", { class: "chance", "aria-hidden": "true" });
  bar.style.setProperty("--share", String(precision));
  bar.style.setProperty("--low", String(interval[0]));
  bar.style.setProperty("--high", String(interval[1]));
  const title = "Measured: the share of relevant items at this distance, and its 95 % interval";
  const words = `${Math.round(precision * 100)} % likely to be relevant (${low}–${high} %)`;
  return el("p", { class: "precision", "data-precision": precision, title }, bar, el("span", {}, words));
}

/** Hex of a word's ASCII bytes: the pattern on the empty page spells the name. */
export function spell(word) {
  return Array.from(word, (letter) => letter.charCodeAt(0).toString(16).padStart(2, "0")).join("");
}
