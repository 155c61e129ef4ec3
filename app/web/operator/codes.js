// The panel on whether the codes use their bits. Decides what stands out; how that is measured, the service says.

import { percent } from "../bars.js";
import { count, el } from "../dom.js";
import { columns } from "./charts.js";
import { facts } from "./panels.js";
import { whole } from "./words.js";

const LOPSIDED = 0.11; // below half an entropy a bit hardly ever changes

/** Draws the panel. */
export function drawCodes({ codes, n_bits: nBits, distances, modality_gap: gap, alarms, measured_at: at }) {
  const sides = Object.entries(codes).filter(([, { health }]) => health);
  if (!sides.length) return [el("p", { class: "note" }, "There are no codes to look at yet.")];
  const when = new Date(at).toLocaleTimeString("en-GB");
  return [
    alarms.length
      ? el("ul", { class: "alarms" }, ...alarms.map((words) => el("li", {}, `${words[0].toUpperCase()}${words.slice(1)}.`)))
      : el("p", {}, "Nothing is wrong with them."),
    el("div", { class: "columns" }, ...sides.map((side) => drawSide(side, nBits))),
    ...drawDistances(distances, gap),
    el("p", { class: "note" }, `Measured at ${when} on ${sides.map(sampled).join(" and ")}, drawn at random.`),
  ];
}

const sampled = ([modality, { n_sampled: n, n_indexed: all }]) => `${whole(n)} of ${count(all, `${modality} code`)}`;

function drawSide([modality, { health }], nBits) {
  const name = modality === "image" ? "Picture codes" : "Text codes";
  const words = `${health.n_informative} of ${nBits} bits carry information`;
  const label = `Share of ${modality} codes in which each bit is set; one half is best`;
  const isOdd = (share) => Math.min(share, 1 - share) < LOPSIDED;
  const chart = columns(health.balance, { label, most: 1, line: 0.5, first: "bit 0", last: `bit ${nBits - 1}`, isOdd });
  return el(
    "div",
    {},
    el("h4", {}, name),
    el("p", {}, words),
    chart,
    facts([
      ["Entropy of a bit", `${health.entropy.toFixed(2)} (1 is best)`],
      ["Independent bits", health.effective_bits.toFixed(1)],
      ["Correlation", `${health.correlation.toFixed(2)} on average, ${health.largest_correlation.toFixed(2)} at most`],
      ["Different codes", whole(health.n_distinct)],
      ["Share another’s code", percent(health.share_equal)],
      ["Largest heap", health.largest_buckets.length ? `${whole(health.largest_buckets[0].n_codes)} with one code` : "none"],
    ]),
  );
}

function drawDistances(distances, gap) {
  const pairs = Object.entries(distances).filter(([, { n_pairs: n }]) => n);
  const charts = pairs.map(([sides, { by_distance: counts, mean, n_pairs: n }]) => {
    const name = sides.replace("-", " and ");
    const label = `Distances of ${name} at random: ${mean.toFixed(1)} bits on average over ${whole(n)} pairs`;
    return el(
      "figure",
      {},
      columns(counts, { label, last: `${counts.length - 1} bits` }),
      el("figcaption", {}, `${name}: ${mean.toFixed(1)} bits on average`),
    );
  });
  const words = gap === null ? "" : ` The mean codes of pictures and texts lie ${gap.toFixed(2)} apart, of 2 at most.`;
  if (!charts.length) return [];
  const title = el("h4", {}, "Distances of two at random");
  return [
    title,
    el("p", { class: "note" }, `The farther from 0, the better codes tell things apart.${words}`),
    el("div", { class: "columns" }, ...charts),
  ];
}
