// Draws small charts. Decides scales and text alternatives; does not know what is drawn.

import { el, svg } from "../dom.js";

const [WIDTH, HEIGHT] = [320, 110];
const FOOT = 16; // for the numbers below

/**
 * Draws columns.
 * @param {number[]} values Heights, at least 0.
 * @param {{label: string, most?: number, line?: number, first?: string, last?: string,
 *   isOdd?: (value: number, i: number) => boolean}} more What it says in words, the height of the full scale, a line across, what
 *   stands below its ends, and which columns stand out.
 * @returns {SVGElement} The chart.
 */
export function columns(
  values,
  { label, most = Math.max(...values), line, first = "0", last = String(values.length - 1), isOdd = () => false },
) {
  const step = WIDTH / values.length;
  const gap = Math.min(1.5, step / 4);
  const shapes = values.map((value, i) => {
    const height = most ? (value / most) * HEIGHT : 0;
    return svg(
      "rect",
      { class: isOdd(value, i) ? "odd" : "column", x: i * step + gap / 2, y: HEIGHT - height, width: step - gap, height },
    );
  });
  if (line !== undefined) shapes.push(across(line / most));
  return frame(label, [...shapes, ...ends(first, last)]);
}

/**
 * Draws a curve with its interval.
 * @param {{value: number[], low: number[], high: number[]}} curve Shares by distance.
 * @param {string} label What it says in words.
 * @returns {SVGElement} The chart.
 */
export function curve({ value, low, high }, label) {
  const point = (share, i) => `${((i * WIDTH) / (value.length - 1)).toFixed(1)},${(HEIGHT * (1 - share)).toFixed(1)}`;
  const band = [...high.map(point), ...low.map((share, i) => point(share, i)).reverse()].join(" ");
  const shapes = [
    svg("polygon", { class: "band", points: band }),
    across(0.5),
    svg("polyline", { class: "line", points: value.map(point).join(" ") }),
  ];
  return frame(label, [...shapes, ...ends("0", `${value.length - 1} bits`)]);
}

/**
 * Draws a range on a logarithmic scale, with a tick in it.
 * @param {[number, number, number]} values Beginning, tick and end.
 * @param {[number, number]} scale Least and most of the whole width.
 * @returns {HTMLElement} The bar; decoration, as its numbers stand beside it.
 */
export function rangeBar(values, [least, most]) {
  const place = (value) => Math.min(1, Math.max(0, Math.log(value / least) / Math.log(most / least)));
  const bar = el("span", { class: "range", "aria-hidden": "true" });
  ["--from", "--tick", "--to"].forEach((name, i) => bar.style.setProperty(name, String(place(values[i]))));
  return bar;
}

/** Draws a share of a whole. */
export function shareBar(share) {
  const bar = el("span", { class: "share", "aria-hidden": "true" });
  bar.style.setProperty("--share", String(share));
  return bar;
}

const across = (share) => svg("line", { class: "across", x1: 0, x2: WIDTH, y1: HEIGHT * (1 - share), y2: HEIGHT * (1 - share) });

function ends(first, last) {
  return [
    svg("text", { x: 0, y: HEIGHT + FOOT - 3 }, first),
    svg("text", { x: WIDTH, y: HEIGHT + FOOT - 3, "text-anchor": "end" }, last),
  ];
}

function frame(label, shapes) {
  const foot = svg("line", { class: "foot", x1: 0, x2: WIDTH, y1: HEIGHT, y2: HEIGHT });
  return svg(
    "svg",
    { class: "chart", viewBox: `0 0 ${WIDTH} ${HEIGHT + FOOT}`, role: "img", "aria-label": label },
    ...shapes,
    foot,
  );
}
