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
 * @param {{other?: string, undecided?: number[], name?: string}} more A code that it is compared with: bits that differ are marked;
 *   bits that were nearly undecided get a dot; what it is the code of.
 * @returns {SVGElement} A picture with a text alternative.
 */
export function bitField(hex, { other = hex, undecided = [], name = "Code" } = {}) {
  const [bits, others, doubtful] = [bitsOf(hex), bitsOf(other), new Set(undecided)];
  const columns = bits.length > 64 ? 16 : 8;
  const rows = Math.max(1, Math.ceil(bits.length / columns));
  const shapes = bits.flatMap((on, i) => {
    const [x, y] = [i % columns, Math.floor(i / columns)];
    const kind = `${on ? "on" : "off"}${on === others[i] ? "" : " differs"}`;
    const square = svg("rect", { class: kind, x, y, width: 0.84, height: 0.84 });
    return doubtful.has(i) ? [square, svg("circle", { class: `${kind} doubt`, cx: x + 0.42, cy: y + 0.42, r: 0.16 })] : [square];
  });
  const differing = bits.flatMap((on, i) => (on === others[i] ? [] : [i]));
  const compared = other === hex ? "" : `; it differs in the bits ${differing.join(", ") || "none"}`;
  const label = `${name} of ${bits.length} bits, ${bits.filter(Boolean).length} of them set: ${hex}${compared}`;
  const box = `-0.08 -0.08 ${columns} ${rows}`;
  return svg("svg", { class: "bit-field", viewBox: box, role: "img", "aria-label": label }, ...shapes);
}

/** Hex of a word's ASCII bytes: the pattern on the empty page spells the name. */
export function spell(word) {
  return Array.from(word, (letter) => letter.charCodeAt(0).toString(16).padStart(2, "0")).join("");
}
