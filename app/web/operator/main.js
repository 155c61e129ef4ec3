// The operator's page: asks the service how it is, again and again but politely, and hands the answers to the panels.
//
// Decides the pace: nothing is asked behind a hidden tab, during a pause or before the last answer came; less often after failures.

import { readiness } from "../api.js";
import { askJson, askText, Problem } from "../http.js";
import { forgetKey, showForget } from "../keys.js";
import { drawCalibration } from "./calibration.js";
import { drawCodes } from "./codes.js";
import { drawJobs } from "./jobs.js";
import { drawLatency, noteMetrics } from "./latency.js";
import { drawBundle, drawCache, drawItems, drawPools, drawState } from "./panels.js";

const SOON_MS = 5_000; // what changes from moment to moment
const SELDOM_MS = 60_000; // what is costly to measure, and changes slowly
const LONGEST_MS = 60_000;
const $ = (id) => document.getElementById(id);
let pause = SOON_MS;
let isPaused = false;
let timer = 0;
let seldomAt = -Infinity;
const drawn = new Map();

// A panel is drawn anew only when what it shows has changed: who reads or selects something in it is left in peace.
function show(id, content, draw) {
  const key = JSON.stringify(content);
  if (drawn.get(id) === key) return;
  drawn.set(id, key);
  $(id).replaceChildren(...draw(content).filter(Boolean));
}

async function look() {
  clearTimeout(timer);
  try {
    await lookNow();
    pause = SOON_MS;
    $("trouble").textContent = "";
    $("seen").textContent = `As of ${new Date().toLocaleTimeString("en-GB")}`;
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    pause = Math.min(2 * pause, LONGEST_MS);
    const later = `Asked again in ${Math.round(pause / 1000)} seconds; what stands below is old.`;
    $("trouble").textContent = `${error.title}. ${error.detail} ${later}`;
    if (error.isAway) drawState(null);
  } finally {
    if (!isPaused && !document.hidden) timer = setTimeout(look, pause);
  }
}

async function lookNow() {
  const stats = (await askJson("stats")).content; // first, as it asks for a key where one is needed
  const [ready, metrics, jobs] = await Promise.all([stateOf(), askText("metrics"), askJson("index/jobs?limit=20")]);
  drawState(ready, stats);
  show(
    "items",
    [stats.n_items, stats.index, stats.snapshot_age_s && Math.round(stats.snapshot_age_s / 60)],
    () => drawItems(stats),
  );
  show("cache", [stats.cache, stats.cache_lookups], () => drawCache(stats));
  show("pools", stats.pools, drawPools);
  show("bundle", [stats.bundle_id, stats.n_bits, stats.version, stats.calibration, stats.judgements], () => drawBundle(stats));
  show("latency", noteMetrics(metrics, performance.now()), drawLatency);
  show("jobs", jobs.content.jobs, (all) => drawJobs(all, look));
  if (performance.now() - seldomAt < SELDOM_MS) return;
  seldomAt = performance.now();
  const [codes, calibration] = await Promise.all([askJson("stats/codes"), askJson("stats/calibration")]);
  show("codes", codes.content, drawCodes);
  const { drift, familiarity } = stats;
  show("calibration", [calibration.content, drift, familiarity], () => drawCalibration(calibration.content, drift, familiarity));
}

// Whoever is not ready says so with an error's status, which is no failure here.
async function stateOf() {
  try {
    return await readiness();
  } catch {
    throw Object.assign(new Problem("The service cannot be reached", ""), { isAway: true });
  }
}

$("pause").addEventListener("click", () => {
  isPaused = !isPaused;
  $("pause").setAttribute("aria-pressed", String(isPaused));
  $("pause").textContent = isPaused ? "Go on" : "Pause";
  if (isPaused) clearTimeout(timer);
  else look();
});

$("forget").addEventListener("click", () => {
  forgetKey();
  location.assign("./");
});

document.addEventListener("visibilitychange", () => {
  clearTimeout(timer);
  if (!document.hidden && !isPaused) look();
});

showForget();
look();
