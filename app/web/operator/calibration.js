// The panel on what distances mean, and whether they still do. Decides which radii are told in words.

import { percent } from "../bars.js";
import { el } from "../dom.js";
import { curve } from "./charts.js";
import { whole } from "./words.js";

const TOLD = [0.9, 0.8, 0.5];
const KINDS = { labels: "shares a label with the query", partner: "is the query’s own other half", judgements: "was judged so" };

/** Draws the panel. */
export function drawCalibration({ served, kind, measured_on: on, curves }, drift, familiarity = {}) {
  if (served === null) return [
    el("p", { class: "note" }, "Nobody has measured what this bundle’s distances mean: python -m training calibrate does."),
  ];
  const isOwn = served.source === "bundle";
  const madeAt = new Date(served.made_at).toLocaleString("en-GB");
  const source = isOwn ? "The bundle’s own calibration" : `Made of judgements at ${madeAt}`;
  return [
    el("p", { class: "note" }, `${source}. Relevant is what ${KINDS[kind] ?? kind}. Measured on ${factsOf(on)}.`),
    el(
      "div",
      { class: "columns" },
      ...Object.entries(curves).map(([direction, one]) => drawCurve(direction, one, drift[direction])),
    ),
    ...Object.entries(familiarity).map(([modality, counts]) => el("p", { class: "note" }, strangersIn(modality, counts))),
  ];
}

function strangersIn(modality, { n, n_unfamiliar: unfamiliar, n_abstained: silent }) {
  return `Searches by ${modality}: ${whole(n)}, ${whole(unfamiliar)} of them unfamiliar; ${whole(silent)} not answered for that.`;
}

function drawCurve(direction, { expected_precision: value, low, high, base_rate: rate, n_pairs: n }, drifted) {
  const name = direction.replace("-", " finds ");
  const told = TOLD.map((share) => [share, value.findLastIndex((one) => one >= share)]).filter(([, radius]) => radius >= 0);
  const radii = told.map(([share, radius]) => `${percent(share)} up to ${radius} bits`);
  const words = radii.join(", ") || `at most ${percent(value[0])}`;
  return el(
    "div",
    {},
    el("h4", {}, name),
    curve({ value, low, high }, `Expected precision by distance where ${name}: ${words}`),
    el("p", {}, `${words[0].toUpperCase()}${words.slice(1)}. By chance ${percent(rate)}; ${whole(n)} pairs.`),
    drifted ? el("p", { class: drifted.is_drifting ? "bad" : "note" }, `Drift: ${drifted.words}.`) : null,
  );
}

function factsOf(on) {
  const told = Object.entries(on).filter(([, value]) => typeof value !== "object").map(([name, value]) => {
    const words = name.replace(/^n_/, "").replaceAll("_", " ");
    return typeof value === "number" ? `${whole(value)} ${words}` : `${words} “${value}”`;
  });
  return told.length ? told.join(", ") : "what the calibration does not say";
}
