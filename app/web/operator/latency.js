// The panel of latencies: of requests by route, and of the stages within. Decides over how long "lately" goes.

import { el } from "../dom.js";
import { rangeBar } from "./charts.js";
import { histogramsOf, quantile, samplesOf, since, total } from "./prometheus.js";
import { duration, whole } from "./words.js";

const LATELY_MS = 60_000;
const SCALE = [0.0002, 10]; // seconds
const TIMES = ["50 %", "95 %", "99 %", "", "Lately", "95 % lately"];
const MOST_ROUTES = 12;
const HIDDEN = new Set(["none", "/", "/operator", "/docs"]); // pages and their files
const looks = []; // {at, routes, stages} of the last minute

/**
 * Notes one look at the metrics.
 * @param {string} text What `GET /metrics` answered.
 * @param {number} at When, in milliseconds.
 * @returns {{routes: object[], stages: object[]}} What is to be drawn.
 */
export function noteMetrics(text, at) {
  const samples = samplesOf(text);
  const now = {
    at,
    routes: histogramsOf(samples, "bitlens_request_seconds", ["method", "route"]),
    stages: histogramsOf(samples, "bitlens_stage_seconds", ["stage"]),
  };
  const failed = failuresBy(samples);
  looks.push(now);
  while (looks.length > 2 && at - looks[1].at >= LATELY_MS) looks.shift();
  const first = looks[0];
  const row = (kind, [key, { labels, counts }]) => ({ key, labels, ...figuresOf(counts, first[kind].get(key)?.counts) });
  const rows = (kind) => [...now[kind]].map((series) => row(kind, series));
  const routes = rows("routes").filter(({ labels }) => !HIDDEN.has(labels.route)).sort((a, b) => b.n - a.n).slice(0, MOST_ROUTES);
  return {
    routes: routes.map((row) => ({ ...row, nFailed: failed.get(row.key) ?? 0 })),
    stages: rows("stages").filter(({ n }) => n),
  };
}

function figuresOf(counts, earlier) {
  const isFirst = looks.length < 2;
  const lately = isFirst ? new Map() : since(counts, earlier);
  const [p50, p95, p99] = [0.5, 0.95, 0.99].map((share) => told(counts, share));
  return { n: total(counts), p50, p95, p99, nLately: total(lately), p95Lately: told(lately, 0.95) };
}

/** Returns a quantile, or null where there are too few requests to have one: 20 for 95 %, 100 for 99 %. */
const told = (counts, share) => (Math.round(total(counts) * (1 - share) * 1e6) >= 1e6 ? quantile(counts, share) : null);

function failuresBy(samples) {
  const failed = new Map();
  for (const { name, labels, value } of samples) {
    const key = `${labels.method} ${labels.route}`;
    if (name === "bitlens_request_seconds_count" && labels.status >= "500") failed.set(key, (failed.get(key) ?? 0) + value);
  }
  return failed;
}

/** Draws the panel. */
export function drawLatency({ routes, stages }) {
  const note =
    "A bar begins where half are answered, its tick is at 95 %, its end at 99 %, on a logarithmic scale. " +
    "Times are read off buckets; 95 % needs 20 requests, 99 % needs 100.";
  return [
    el(
      "p",
      { class: "note" },
      routes.length ? `${note} Since the start; lately is the last minute.` : "No request has been answered yet.",
    ),
    routes.length ? table("Requests by route", ["Route", "Requests", "Failed", ...TIMES], routes.map(routeRow)) : null,
    stages.length ? table("Stages within", ["Stage", "Times", "", ...TIMES], stages.map(stageRow)) : null,
  ];
}

const routeRow = (row) => [row.key, whole(row.n), row.nFailed ? el("b", { class: "bad" }, whole(row.nFailed)) : "0", ...times(row)];
const stageRow = (row) => [row.labels.stage.replace("_", " "), whole(row.n), "", ...times(row)];
const times = ({ p50, p95, p99, nLately, p95Lately }) => [
  duration(p50), duration(p95), duration(p99), p50 ? rangeBar([p50, p95 ?? p50, p99 ?? p95 ?? p50], SCALE) : "",
  whole(nLately), duration(p95Lately),
];

function table(caption, heads, rows) {
  const head = el("tr", {}, ...heads.map((words) => (words ? el("th", { scope: "col" }, words) : el("td", {}))));
  const cellsOf = (cells) => cells.map((cell) => el("td", {}, cell));
  const body = rows.map(([name, ...cells]) => el("tr", {}, el("th", { scope: "row" }, name), ...cellsOf(cells)));
  const inner = el("table", {}, el("caption", {}, caption), el("thead", {}, head), el("tbody", {}, ...body));
  return el("div", { class: "scroll", tabindex: "0", role: "group", "aria-label": caption }, inner);
}
