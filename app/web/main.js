// Wires the page: form, address and history, pictures, searches. The newest search wins; older ones are broken off.

import { readiness } from "./api.js";
import * as composer from "./composer.js";
import { isAdding, takeFiles, watchAdder } from "./adder.js";
import { ask, askFirst, uploads } from "./asking.js";
import { closeDetail, openDetail } from "./detail.js";
import { count } from "./dom.js";
import { chosenWishes, forgetFields, learnFields, showWishes, watchFilters } from "./filterpanel.js";
import { toggled } from "./filters.js";
import { Problem } from "./http.js";
import { forgetKey, showForget } from "./keys.js";
import { offerMore } from "./paging.js";
import { watchPictures } from "./picker.js";
import { fromAddress, isSearch, toAddress, wordsFor } from "./query.js";
import { untilBack } from "./recovery.js";
import * as view from "./view.js";
import { arrive, begin, forgetVisits, keep } from "./visits.js";

const $ = (id) => document.getElementById(id);
const form = $("composer");
const ACTIONS = { 401: "Enter a key", 403: "Use another key" };

let running = null;
let current = fromAddress(location.search, composer.allowed);
const options = () => ({ ...composer.options(), wishes: chosenWishes() });
const composed = () => ({ ...composer.composed(), wishes: chosenWishes() });

// --- searching -----------------------------------------------------------------------------------------------------------

function start(query) {
  running?.abort();
  running = new AbortController();
  closeDetail();
  current = query;
  composer.showQuery(query, uploads.get(query.upload));
  showWishes(query.wishes);
  return running.signal;
}

async function search(query, { focus = false } = {}) {
  const signal = start(query);
  if (!isSearch(query)) return view.showEmpty();
  view.showLoading(wordsFor(query));
  try {
    const answer = await askFirst(query, signal);
    if (signal.aborted) return;
    show([answer], query, signal);
    if (focus) view.focusResults();
  } catch (error) {
    if (!signal.aborted) fail(error, query, signal);
  }
}

function show(pages, query, signal) {
  const asked = pages[0].instead ? { ...query, target: pages[0].instead } : query;
  const acts = {
    more: moreLike,
    detail: (hit) => detail(hit, pages, asked),
    loosen: () => go({ ...query, sure: 0 }, { focus: true }),
    insist: () => go({ ...query, insist: true }, { focus: true }),
    unfilter: () => go({ ...query, wishes: [] }, { focus: true }),
    other: () => go({ ...query, target: pages[0].lacking.other }, { focus: true }),
    add: () => $("add").click(),
  };
  const append = view.showAnswer(pages[0], { words: wordsFor(query), ...query }, acts);
  pages.slice(1).forEach(append);
  keep(pages, query);
  learnFields(pages.flatMap(({ hits }) => hits));
  const push = (page) => {
    learnFields(page.hits);
    pages.push(page);
    return append(page);
  };
  const load = async (cursor) => ({ ...(await ask({ ...asked, cursor }, signal, pages[0])), cursor });
  offerMore($("more"), pages.at(-1).nextCursor, load, push, signal);
  if (query.upload || pages[0].query.modality !== "text") showPreview(signal);
}

async function showPreview(signal) {
  const url = await composer.preview(signal);
  if (!signal.aborted) view.showThumbnail(url);
}

function detail(hit, pages, query) {
  const list = pages.flatMap(({ hits }) => hits);
  openDetail(list, list.indexOf(hit), pages[0].query, {
    explain: (place, signal) => explained(place, pages, query, signal),
    more: moreLike,
    mix: query.text ? ({ id }) => go({ text: query.text, like: id, share: 0.5, ...options() }, { focus: true }) : null,
    filter: (field, value) => go(
      { ...composed(), wishes: toggled(chosenWishes().filter((wish) => wish.field !== field), field, value) },
      { focus: true },
    ),
  });
}

// Of all hits only the one is explained: the cursor that leads to it is had by asking for those before it.
async function explained(place, pages, query, signal) {
  let page = 0;
  for (; place >= pages[page].hits.length; page += 1) place -= pages[page].hits.length;
  let { cursor } = pages[page];
  if (place) cursor = (await ask({ ...query, cursor, k: place }, signal, pages[0])).nextCursor;
  const { hits, query: asked } = await ask({ ...query, cursor, k: 1, explain: true }, signal);
  if (hits[0]?.id === pages[page].hits.at(place).id && asked.explanation) return {
    query: asked.explanation,
    hit: hits[0].explanation,
  };
  throw new Problem("The results have changed", "Search again to have them explained.");
}

function fail(error, query, signal) {
  if (!(error instanceof Problem)) throw error;
  const isGone = error.status === 404; // to ask again would not bring it back
  view.showProblem(error, isGone ? "Search anew" : ACTIONS[error.status] ?? "Try again", () => {
    if (isGone) return void go(options());
    if (error.status === 403) forgetKey();
    search(query);
  });
  if (error.isAway) untilBack(signal).then(() => search(query));
}

function go(query, behaviour) {
  begin(toAddress(query), query.upload ? { upload: query.upload, share: query.share } : {});
  return search(query, behaviour);
}

function moreLike(hit) {
  if (!hit.image_url && hit.text) return go({ text: hit.text, ...options() }, { focus: true });
  return go({ like: hit.id, ...options(), target: hit.image_url ? "image" : hit.target }, { focus: true });
}

// --- what the visitor does -----------------------------------------------------------------------------------------------

form.addEventListener("submit", (event) => {
  event.preventDefault();
  const query = composed();
  if (isSearch(query)) go(query);
  else $("q").focus();
});

form.addEventListener("input", composer.explain);

form.addEventListener("change", (event) => {
  if (!["target", "k", "sure", "share"].includes(event.target.name)) return;
  composer.explain();
  if (isSearch(current)) go(composed());
});

watchFilters((wishes) => {
  if (isSearch(current)) return void go({ ...composed(), wishes });
  go({ ...options(), wishes });
});

$("clear").addEventListener("click", () => {
  const { like, upload, share, ...rest } = composed();
  go(rest);
  $("q").focus();
});

$("forget").addEventListener("click", () => {
  forgetKey();
  forgetVisits();
  go(options());
  $("announcement").textContent = "The key is forgotten.";
  $("q").focus();
});

document.addEventListener("click", (event) => {
  const link = event.target.closest?.(".examples a, #home");
  if (!link || event.metaKey || event.ctrlKey || event.shiftKey) return;
  event.preventDefault();
  go({ ...fromAddress(link.search, composer.allowed), ...(link.id === "home" ? {} : options()) });
});

document.addEventListener("keydown", (event) => {
  const isTyping = /^(input|select|textarea)$/i.test(document.activeElement?.tagName ?? "");
  if (event.key !== "/" || isTyping || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  $("q").focus();
});

function takePicture(file) {
  const upload = uploads.size + 1;
  uploads.set(upload, file);
  const { like, ...rest } = composed();
  go({ ...rest, upload, ...(rest.text ? { share: Number($("share").value) / 100 } : {}) });
}

const uses = { onPicture: takePicture, onMany: takeFiles, wantsMany: isAdding, onRefusal: composer.refuse };
watchPictures({ file: $("file"), curtain: $("curtain") }, uses);

watchAdder(() => {
  forgetVisits();
  forgetFields();
  introduceService();
  if (isSearch(current)) search(current);
});
$("add-first").addEventListener("click", () => $("add").click());

window.addEventListener("popstate", (event) => {
  const seen = arrive();
  const { upload, share } = event.state ?? {};
  const query = seen?.about ?? {
    ...fromAddress(location.search, composer.allowed),
    ...(uploads.has(upload) ? { upload, share } : {}),
  };
  if (!seen) return void search(query);
  const signal = start(query);
  show(seen.pages, query, signal);
  window.scrollTo(0, seen.scrollY);
});

// --- start ---------------------------------------------------------------------------------------------------------------

async function introduceService() {
  try {
    const { ready, checks = {}, n_items: nItems, n_bits: nBits, bundle_id: bundleId, calibrated = false } = await readiness();
    $("nothing").hidden = nItems > 0;
    if (calibrated) composer.offerChances();
    const troubles = Object.entries(checks).filter(([, found]) => found !== "ok").map(([what, found]) => `${what} ${found}`);
    const facts = [`Codes by bundle ${String(bundleId).slice(0, 12)}`, ...troubles, ...(ready ? [] : ["not ready"])];
    view.showService(`${count(nItems, "item")}, ${nBits} bits each`, facts.join(" · "));
  } catch {
    view.showService("", "The service did not say how it is.");
  }
}

view.start();
showForget();
search(current);
introduceService();
