// Draws codes. Knows that a code arrives as hex of its packed bytes, lowest bit first within a byte.

import { svg } from "./dom.js";

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

/** Hex of a word's ASCII bytes: the pattern on the empty page spells the name. */
export function spell(word) {
  return Array.from(word, (letter) => letter.charCodeAt(0).toString(16).padStart(2, "0")).join("");
}
