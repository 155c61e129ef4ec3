// Draws what an item carries. Decides that single values can be filtered by, and that labels come first.

import { el } from "./dom.js";
import { valueWords } from "./filters.js";

const MAX_TEXT = 256; // what a filter may ask for

/**
 * Draws a payload.
 * @param {object} payload A JSON object.
 * @param {(field: string, value: unknown) => void} onFilter Called when a value is chosen to filter by.
 * @returns {HTMLElement | null} A list of fields; null for an empty payload.
 */
export function drawPayload(payload, onFilter) {
  const fields = Object.entries(payload ?? {}).sort(([a], [b]) => (b === "labels") - (a === "labels"));
  if (!fields.length) return null;
  return el("dl", { class: "fields" }, ...fields.map(([key, value]) => row(key, value, onFilter)));
}

function row(key, value, onFilter) {
  const field = key.replace(/[\\.]/g, "\\$&");
  const values = Array.isArray(value) ? value : [value];
  const isPlain = values.length && values.every((one) => one === null || typeof one !== "object");
  const drawn = isPlain ? values.map((one) => choice(field, one, onFilter)) : [el("pre", {}, JSON.stringify(value, null, 2))];
  return el("div", {}, el("dt", {}, key), el("dd", {}, ...drawn));
}

function choice(field, value, onFilter) {
  if (typeof value === "string" && value.length > MAX_TEXT) return el("span", { class: "value" }, value);
  const label = `Filter by ${field}: ${valueWords(value)}`;
  return el(
    "button",
    { class: "value", type: "button", "aria-label": label, title: label, onclick: () => onFilter(field, value) },
    valueWords(value),
  );
}
