// Shows the states of the page: empty, loading, results, nothing found, error. Knows elements, not requests.

import { barLegend } from "./bars.js";
import { bitField, spell } from "./bits.js";
import { hitEntries, hitList } from "./cards.js";
import { count, el } from "./dom.js";
import { laterWords } from "./http.js";
import { dropPictures } from "./pictures.js";

const $ = (id) => document.getElementById(id);
const PLACEHOLDERS = 12;
const KINDS = { image: "pictures", text: "texts" };
const STRANGE = "Nothing like this was in what this model learnt from; hits may be unrelated.";

/** Draws what never changes. */
export function start() {
  $("hero-bits").append(bitField(spell("Bitlens.")));
}

/** Shows the page without a search. */
export function showEmpty() {
  dropPictures();
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
 * Shows an answer, or its first page.
 * @param {object} answer As asking.js has it.
 * @param {{words: string, sure: number, wishes: object[]}} about What was searched, the least precision, the filters that hold.
 * @param {{more: (hit: object) => void, detail: (hit: object) => void, loosen: () => void, insist: () => void,
 *   unfilter: () => void, other: () => void, add: () => void}} acts Called when a hit is chosen to search with, or to be shown;
 *   and where there is none, to ask for less, for the other kind, or to add pictures.
 * @returns {(page: object) => HTMLElement | null} Appends a further page and returns the first of its entries.
 */
export function showAnswer(answer, about, acts) {
  const [{ hits, query, elapsedMs, isStrange }, { words }] = [answer, about];
  dropPictures();
  if (answer.isUnfamiliar) return showStranger(words, acts);
  if (!hits.length) return showNothing(answer, about, acts);
  const nBits = query.code.length * 4;
  const title = (shown) => `${count(shown.length, kindOf(shown))} nearest to ${words}`;
  const nearest = `the nearest differs in ${hits[0].distance} of ${nBits} bits`;
  const [head, list] = [header(title(hits), query, elapsedMs, hits, isStrange), hitList(hits, nBits, acts)];
  const notes = [insteadWords(answer), isStrange ? STRANGE : ""].filter(Boolean);
  const shownNotes = notes.map((note) => el("p", { class: note === STRANGE ? "doubt" : "doubt doubt--kind" }, note));
  const said = [`${title(hits)}; ${nearest}.`, ...notes].join(" ");
  enter("results", said, head, ...shownNotes, list, el("div", { id: "more" }), credit(hits));
  let shown = hits;
  return (page) => {
    const entries = hitEntries(page.hits, nBits, acts, shown.at(-1));
    shown = [...shown, ...page.hits];
    list.append(...entries);
    head.querySelector("h2").textContent = title(shown);
    $("results").querySelector(".credit")?.remove();
    $("results").append(...[credit(shown)].filter(Boolean));
    $("announcement").textContent = `${count(page.hits.length, "more result")}.`;
    return entries[0] ?? null;
  };
}

function showStranger(words, acts) {
  const anyway = el("button", { class: "go go--small", type: "button", onclick: acts.insist }, "Show the nearest all the same");
  const told = `Nothing like ${words} was in what this model learnt from; hits may be unrelated.`;
  enter("none", `No match. ${told}`, message("No match", told, "Search in other words, or with another picture.", anyway));
  return () => null;
}

// Without a least precision a search has no bound on the distance, so where no filter holds there is nothing to compare with.
function showNothing({ noMatch, lacking, instead }, { words, sure, wishes }, acts) {
  const way = (label, act) => el("button", { class: "go go--small", type: "button", onclick: act }, label);
  const shown = lacking && !instead
    ? missing(lacking, words, way, acts)
    : noMatch
    ? [
        "No match",
        `Nothing here is at least ${Math.round(sure * 100)} % likely to be relevant to ${words}.`,
        "Ask for less under “Chance”, or search in other words.",
        way("Show the nearest all the same", acts.loosen),
      ]
    : wishes.length
      ? [
        "Nothing found",
        "No item of the kind you look for has what the filters ask of it.",
        "",
        way("Remove all filters", acts.unfilter),
      ]
      : [
          "Nothing found",
          `There is nothing to compare ${words} with: no other item of the kind you look for is indexed.`,
          "Try another choice under “Look for”, or add more pictures.",
        ];
  enter("none", `${shown[0]}.`, message(...shown));
  return () => null;
}

function missing({ target, other }, words, way, acts) {
  if (!other) return ["Nothing found", `Nothing is indexed yet, so there is nothing to compare ${words} with.`, "", way("Add pictures", acts.add)];
  const told = `No ${KINDS[target]} are indexed, so there is nothing to compare ${words} with. There are ${KINDS[other]}.`;
  return ["Nothing found", told, "", way(`Search ${KINDS[other]} instead`, acts.other)];
}

function insteadWords({ lacking, instead, query }) {
  if (!instead) return "";
  const asked = query.modality === "image" ? "picture" : "words";
  return `No ${KINDS[lacking.target]} are indexed: these are the ${KINDS[instead]} nearest to your ${asked}.`;
}

/** Shows the picture that was searched with beside its code. */
export function showThumbnail(url) {
  const bits = $("results").querySelector(".answer__bits");
  if (!url || !bits || $("results").querySelector(".answer__picture")) return;
  bits.before(el("img", { class: "answer__picture", src: url, alt: "The picture searched with", width: 72, height: 72 }));
}

/**
 * Shows a failure in plain words.
 * @param {{title: string, detail: string, retryAfterS: number | null}} problem What went wrong.
 * @param {string} action What can be done about it.
 * @param {() => void} onAction Called when it shall be done.
 */
export function showProblem({ title, detail, retryAfterS }, action, onAction) {
  dropPictures();
  const button = el("button", { class: "go go--small", type: "button", onclick: onAction }, action);
  const box = message(title, detail === title ? "" : sentence(detail), laterWords(retryAfterS), button);
  box.setAttribute("role", "alert");
  enter("error", "", box);
}

/** Brings the results into sight and hands them the keyboard: what was focused before is gone. */
export function focusResults() {
  $("results").focus({ preventScroll: true });
  $("composer").scrollIntoView({ block: "start" }); // at once: what would be scrolled past is not there any more
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

function header(title, query, elapsedMs, hits, isStrange) {
  const facts = [
    ["Code", query.code],
    ["Took", `${Math.max(1, Math.round(elapsedMs))} ms`],
    ["Code from", query.cached ? "the cache" : "the encoder"],
  ].map(([term, value]) => el("div", {}, el("dt", {}, term), el("dd", {}, value)));
  const legend = barLegend(query.code.length * 4, typeof hits[0].expected_precision === "number", isStrange);
  return el(
    "header",
    { class: "answer" },
    el("div", { class: "answer__bits" }, bitField(query.code)),
    el("div", { class: "answer__words" }, el("h2", {}, title), el("dl", { class: "facts" }, ...facts), legend),
  );
}

function credit(hits) {
  const credits = new Set(hits.map((hit) => hit.payload?.attribution).filter((value) => typeof value === "string" && value));
  return credits.size ? el("p", { class: "credit" }, [...credits].join(" · ")) : null;
}

function message(title, detail, hint, action = null) {
  const parts = [
    el("h2", {}, title),
    detail ? el("p", {}, detail) : null,
    hint ? el("p", { class: "message__hint" }, hint) : null,
    action,
  ];
  return el("div", { class: "message" }, ...parts);
}

function kindOf(hits) {
  if (hits.every((hit) => hit.target === "text")) return "text";
  return hits.every((hit) => hit.target === "image") ? "picture" : "result";
}

/** Makes a sentence of the service's details, fragments such as "the text is empty". */
export function sentence(words) {
  const trimmed = words.trim();
  return trimmed && `${trimmed[0].toUpperCase()}${trimmed.slice(1)}${/[.!?…]$/.test(trimmed) ? "" : "."}`;
}
