// Shows the states of the page: empty, loading, results, nothing found, error. Knows elements, not requests.

import { bitField, spell } from "./bits.js";
import { hitList } from "./cards.js";
import { count, el } from "./dom.js";

const $ = (id) => document.getElementById(id);
const PLACEHOLDERS = 12;

/** Draws what never changes. */
export function start() {
  $("hero-bits").append(bitField(spell("Bitlens.")));
}

/** Shows the page without a search. */
export function showEmpty() {
  enter("empty", "");
  document.title = "Bitlens";
}

/**
 * Shows that a search runs: former results stay, dimmed; without any, empty frames hold their place.
 * @param {string} words What is searched, in words.
 */
export function showLoading(words) {
  const hadHits = document.body.dataset.state === "results";
  document.title = `${words} – Bitlens`;
  document.body.dataset.state = "loading";
  $("announcement").textContent = "Searching";
  $("results").setAttribute("aria-busy", "true");
  if (hadHits) return;
  const frames = Array.from({ length: PLACEHOLDERS }, () => el("li", { class: "hit" }, el("div", { class: "frame" })));
  $("results").replaceChildren(el("ol", { class: "hits hits--waiting", "aria-hidden": "true" }, ...frames));
}

/**
 * Shows an answer.
 * @param {object} answer The service's `{hits, query}`.
 * @param {{words: string, elapsedMs: number, thumbnail: string | null}} about What was searched, how long it took, its picture.
 * @param {(hit: object) => void} onMore Called when a hit is chosen to search with.
 */
export function showAnswer({ hits, query }, { words, elapsedMs, thumbnail }, onMore) {
  if (!hits.length) {
    // A search has no bound on the distance, so an empty answer can only mean that there is nothing to compare with.
    const detail = `Nothing of the kind you look for is indexed yet, so there is nothing to compare ${words} with.`;
    enter("none", "Nothing found.", message("Nothing found", detail, "Try another choice under “Look for”, or index some items first."));
    return;
  }
  const nBits = query.code.length * 4;
  const kind = hits.every((hit) => hit.target === "text") ? "text" : hits.every((hit) => hit.target === "image") ? "picture" : "result";
  const nearest = `the nearest differs in ${hits[0].distance} of ${nBits} bits`;
  const title = `${count(hits.length, kind)} nearest to ${words}`;
  enter("results", `${title}; ${nearest}.`, header(title, query, elapsedMs, thumbnail), hitList(hits, nBits, onMore), credit(hits));
}

/**
 * Shows a failure in plain words.
 * @param {{title: string, detail: string}} problem What went wrong.
 * @param {() => void} onRetry Called when it shall be tried again.
 */
export function showProblem({ title, detail }, onRetry) {
  const again = el("button", { class: "go go--small", type: "button", onclick: onRetry }, "Try again");
  const box = message(title, detail === title ? "" : sentence(detail), null, again);
  box.setAttribute("role", "alert");
  enter("error", "", box);
}

/** Brings the results into sight and hands them the keyboard: what was focused before is gone. */
export function focusResults() {
  $("results").focus({ preventScroll: true });
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  $("composer").scrollIntoView({ behavior: still ? "auto" : "smooth", block: "start" });
}

/**
 * Shows what the service says about itself.
 * @param {string} holdings What it holds, for the top of the page.
 * @param {string} service Who it is, for the foot.
 */
export function showService(holdings, service) {
  $("holdings").textContent = holdings;
  $("service").textContent = service;
}

function enter(state, announcement, ...content) {
  document.body.dataset.state = state;
  $("results").removeAttribute("aria-busy");
  $("results").replaceChildren(...content.filter(Boolean));
  $("announcement").textContent = announcement;
}

function header(title, query, elapsedMs, thumbnail) {
  const facts = [
    ["Code", query.code],
    ["Took", `${Math.max(1, Math.round(elapsedMs))} ms`],
    ["Code from", query.cached ? "the cache" : "the encoder"],
  ].map(([term, value]) => el("div", {}, el("dt", {}, term), el("dd", {}, value)));
  return el(
    "header",
    { class: "answer" },
    el("div", { class: "answer__bits" }, bitField(query.code)),
    thumbnail ? el("img", { class: "answer__picture", src: thumbnail, alt: "The picture searched with", width: 72, height: 72 }) : null,
    el("div", { class: "answer__words" }, el("h2", {}, title), el("dl", { class: "facts" }, ...facts)),
  );
}

function credit(hits) {
  const credits = new Set(hits.map((hit) => hit.payload?.attribution).filter((value) => typeof value === "string" && value));
  return credits.size ? el("p", { class: "credit" }, [...credits].join(" · ")) : null;
}

function message(title, detail, hint, action = null) {
  const parts = [el("h2", {}, title), detail ? el("p", {}, detail) : null, hint ? el("p", { class: "message__hint" }, hint) : null, action];
  return el("div", { class: "message" }, ...parts);
}

// The service's details are fragments such as "the text is empty".
function sentence(words) {
  const trimmed = words.trim();
  return trimmed && `${trimmed[0].toUpperCase()}${trimmed.slice(1)}${/[.!?…]$/.test(trimmed) ? "" : "."}`;
}
