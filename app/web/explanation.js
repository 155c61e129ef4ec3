// Draws why a hit was found, as the service explains it. Decides which numbers are put into which words.

import { percent } from "./bars.js";
import { count, el } from "./dom.js";

/**
 * Draws an explanation.
 * @param {object} query What the service says of the query.
 * @param {object} hit What it says of the hit.
 * @param {number} nBits Bits of a code.
 * @returns {HTMLElement} To be put under the codes.
 */
export function drawExplanation(query, hit, nBits) {
  return el("div", { class: "why" }, ...labels(query, hit), ...bits(query, hit, nBits));
}

function labels(query, hit) {
  const title = el("h4", {}, "What both are predicted to show");
  if (!hit.labels) return [title, el("p", {}, `No labels can be told: ${hit.labels_missing}.`)];
  if (!hit.labels.length) return [title, el("p", {}, "No label is predicted for both.")];
  const rows = hit.labels.map((label) =>
    el("tr", {}, el("th", { scope: "row" }, label.name), el("td", {}, percent(label.query)), el("td", {}, percent(label.hit))),
  );
  const head = el("tr", {}, ...["Label", "Query", "Item"].map((words) => el("th", { scope: "col" }, words)));
  return [title, el("table", {}, el("thead", {}, head), el("tbody", {}, ...rows)), el("p", { class: "why__note" }, worth(query))];
}

function worth({ least_probability: least, labels_measured: measured }) {
  const rule = `A label counts from ${percent(least)} on.`;
  if (!measured) return `${rule} How good such predictions are was not measured.`;
  const figures = ["image", "text"].filter((modality) => measured[modality]?.precision !== null);
  const told = figures.map((modality) => `${percent(measured[modality].precision)} of those read off ${modality} codes are right`);
  return `${rule} ${told.length ? `Measured: ${told.join(", ")}.` : ""}`;
}

function bits(query, hit, nBits) {
  const title = el("h4", {}, "How firm the distance is");
  const [least, most] = hit.distance_range;
  const doubts = [["the query", query.n_undecided], ["the item", hit.n_undecided]].filter(([, n]) => n !== null);
  if (!doubts.length) return [title, el("p", {}, "Only the codes are known, so nothing can be said of how sure the bits were.")];
  const words = doubts.map(([whose, n]) => `${count(n, "bit")} of ${whose}`).join(" and ");
  const spread = least === most ? "" : ` With them the other way round the distance would be ${least} to ${most} of ${nBits}.`;
  const sure = hit.differing_bits.filter(({ weight }) => weight >= 0.5).length;
  const are = sure === 1 ? "is" : "are";
  const firm = hit.n_differing ? ` Of ${count(hit.n_differing, "differing bit")}, ${sure} ${are} at least half sure.` : "";
  return [title, el("p", {}, `Nearly undecided, marked by a dot: ${words}.${spread}${firm}`)];
}
