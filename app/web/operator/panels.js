// The small panels: state, items, cache, queues, bundle. Decides which figure is told in which words.

import { percent } from "../bars.js";
import { count, el } from "../dom.js";
import { shareBar } from "./charts.js";
import { bytes, span, whole } from "./words.js";

const CHECKS = {
  bundle: { changing: "another bundle is being taken over" },
  catalogue: { unavailable: "the catalogue cannot be read" },
  index: { differs: "the index differs from the catalogue" },
  cache: { degraded: "the code cache is away, so searches are slower" },
  disk: { full: "the disk is full, so nothing can be added" },
  service: { stopping: "the service is stopping" },
  background: { ended: "background work has ended unexpectedly" },
};
const $ = (id) => document.getElementById(id);

/** Shows whether the service can answer; nothing is known of one that is away. */
export function drawState(ready, stats = null) {
  const bad = Object.entries(ready?.checks ?? {}).filter(([, found]) => found !== "ok");
  const troubles = bad.map(([what, found]) => CHECKS[what]?.[found] ?? `${what}: ${found}`);
  const state = ready === null ? "Away" : ready.ready ? (troubles.length ? "Ready, with a trouble" : "Ready") : "Not ready";
  $("state").textContent = state;
  document.body.dataset.state = ready?.ready ? (troubles.length ? "troubled" : "ready") : "down";
  const words = ready === null ? "" : troubles.length ? `${troubles.join("; ")}.` : "Everything that answers depend on is there.";
  if ($("state-words").textContent !== words) $("state-words").textContent = words;
  if (stats) $("service").textContent = `Bitlens ${stats.version}, up for ${span(stats.uptime_s)}`;
}

/** Draws what is held. */
export function drawItems({ n_items: nItems, index, snapshot_age_s: age }) {
  const rows = Object.entries(index).map(([modality, size]) => [
    `${modality === "image" ? "Picture" : "Text"} codes`,
    `${whole(size.n_codes)} in ${bytes(size.n_bytes)} by ${size.engine}${tailOf(size)}`,
  ]);
  return [
    figure(nItems === null ? "unknown" : whole(nItems), nItems === 1 ? "item" : "items"),
    facts([...rows, ["Snapshot", age === null ? "none" : `${span(age)} old`]]),
  ];
}

function tailOf({ n_tail: nTail, n_removed: nRemoved }) {
  return nTail || nRemoved ? `, ${whole(nTail)} not merged yet, ${whole(nRemoved)} removed` : "";
}

/** Draws how often the cache spared the encoder. */
export function drawCache({ cache, cache_lookups: { found, missing, unavailable } }) {
  const asked = found + missing + unavailable;
  return [
    figure(asked ? percent(found / asked) : "–", asked ? "of keys found" : "nothing asked yet"),
    asked ? shareBar(found / asked) : null,
    facts([
      ["State", cache === "ok" ? "there" : "away"],
      ["Found", whole(found)],
      ["Missing", whole(missing)],
      ["Lookups while it was away", whole(unavailable)],
    ]),
  ];
}

/** Draws who waits for what. */
export function drawPools(pools) {
  const waiting = pools.reduce((sum, { n_waiting: n }) => sum + n, 0);
  const rows = pools.map(({ name, n_running: runs, n_waiting: waits, n_refused: refused }) => [
    name,
    `${runs} run, ${waits} wait${refused ? `, ${whole(refused)} refused` : ""}`,
  ]);
  return [figure(whole(waiting), waiting === 1 ? "task waits" : "tasks wait"), facts(rows)];
}

/** Draws what is served. */
export function drawBundle({ bundle_id: id, n_bits: nBits, calibration, judgements }) {
  const said = Object.entries(judgements ?? {}).map(([direction, { n, n_relevant: good }]) => {
    return `${direction.replace("-", " → ")}: ${count(n, "judgement")}, ${whole(good)} relevant`;
  });
  const source = sourceOf(calibration);
  return [
    figure(String(nBits), "bits each"),
    facts([["Bundle", el("code", {}, id)], ["Calibration", source], ["Judged", said.length ? said.join("; ") : "nothing yet"]]),
  ];
}

function sourceOf(calibration) {
  if (calibration === null) return "none";
  if (calibration.source === "bundle") return "the bundle’s own";
  return `judgements, ${new Date(calibration.made_at).toLocaleString("en-GB")}`;
}

/** A number that is seen first. */
export const figure = (number, words) => el("p", { class: "figure" }, el("b", {}, number), " ", words);

/** A list of terms with their values. */
export function facts(pairs) {
  return el("dl", { class: "facts" }, ...pairs.map(([term, value]) => el("div", {}, el("dt", {}, term), el("dd", {}, value))));
}
