// Wires the page: form, address and history, pictures, searches. The newest search wins; older ones are broken off.

import { addressOfPicture, pictureAt, Problem, readiness, searchImage, searchLike, searchText } from "./api.js";
import { count } from "./dom.js";
import { forgetKey, showForget } from "./keys.js";
import { offerMore } from "./paging.js";
import { fromAddress, isSearch, toAddress } from "./query.js";
import { watchPictures } from "./picker.js";
import * as view from "./view.js";

const $ = (id) => document.getElementById(id);
const form = $("composer");
const ACTIONS = { 401: "Enter a key", 403: "Use another key" };
const numbersOf = (select) => Array.from(select.options, (option) => Number(option.value));
const allowed = { amounts: numbersOf($("k")), chances: numbersOf($("sure")) };

// Pictures of this visit by number, so that Back finds them again; an address cannot carry them.
const uploads = new Map();
let running = null;
let current = fromAddress(location.search, allowed);
let previewUrl = null;

const options = () => ({ target: form.elements.target.value, k: Number($("k").value), sure: Number($("sure").value) });

async function search(query, { focus = false } = {}) {
  running?.abort();
  running = new AbortController();
  current = query;
  showInForm(query);
  if (isSearch(query)) await run(query, running.signal, focus);
  else view.showEmpty();
}

async function run(query, signal, focus) {
  view.showLoading(wordsFor(query));
  try {
    const answer = await ask(query, signal);
    if (signal.aborted) return;
    const about = { words: wordsFor(query), thumbnail: previewUrl, sure: query.sure };
    const append = view.showAnswer(answer, about, moreLike);
    offerMore($("more"), answer.nextCursor, (cursor) => ask({ ...query, cursor }, signal), append, signal);
    if (focus) view.focusResults();
  } catch (error) {
    if (signal.aborted) return;
    if (!(error instanceof Problem)) throw error;
    view.showProblem(error, ACTIONS[error.status] ?? "Try again", () => {
      if (error.status === 403) forgetKey();
      search(query);
    });
  }
}

async function ask({ text, like, upload, ...chosen }, signal) {
  if (text) return searchText(text, chosen, signal);
  if (upload) return searchImage(uploads.get(upload), chosen, signal);
  const answer = await searchLike(like, chosen, signal);
  if (!chosen.cursor && answer.query.modality === "image") await previewItem(like, signal);
  return answer;
}

// An item can be searched with whose picture is not kept.
async function previewItem(id, signal) {
  const blob = await pictureAt(addressOfPicture(id), signal).catch(() => null);
  if (blob && !signal.aborted) showPreview(blob, `Item ${id}`);
}

function go(query, behaviour) {
  history.pushState({ upload: query.upload }, "", toAddress(query));
  return search(query, behaviour);
}

function moreLike(hit) {
  if (!hit.image_url && hit.text) return go({ text: hit.text, ...options() }, { focus: true });
  return go({ like: hit.id, ...options(), target: hit.image_url ? "image" : hit.target }, { focus: true });
}

function wordsFor({ text, like }) {
  if (text) return `“${text}”`;
  return like ? "this picture" : "your picture";
}

// --- what the form shows -------------------------------------------------------------------------------------------------

function showInForm({ text, like, upload, target, k, sure }) {
  $("q").value = text ?? "";
  form.elements.target.value = target;
  $("k").value = String(k);
  $("sure").value = String(sure);
  if (sure) $("sureness").hidden = false; // an address may ask for it before the service has said whether it can
  $("refusal").textContent = "";
  if (upload) showPreview(uploads.get(upload), uploads.get(upload).name);
  else if (!like) hidePreview();
  explainTarget();
}

function showPreview(blob, name) {
  hidePreview();
  previewUrl = URL.createObjectURL(blob);
  $("preview").src = previewUrl;
  $("chosen-name").textContent = name;
  $("chosen").hidden = false;
}

function hidePreview() {
  if (previewUrl) URL.revokeObjectURL(previewUrl);
  previewUrl = null;
  $("preview").removeAttribute("src");
  $("chosen").hidden = true;
}

function explainTarget() {
  const automatic = current.like ? "An item finds its own kind." : "A text finds pictures, a picture finds texts.";
  $("why").textContent = form.elements.target.value === "" ? automatic : "";
}

// --- what the visitor does -----------------------------------------------------------------------------------------------

form.addEventListener("submit", (event) => {
  event.preventDefault();
  const text = $("q").value.trim();
  if (text) go({ text, ...options() });
  else $("q").focus();
});

form.addEventListener("change", (event) => {
  if (!["target", "k", "sure"].includes(event.target.name)) return;
  explainTarget();
  const typed = $("q").value.trim();
  const query = { ...(typed ? { text: typed } : current), ...options() };
  if (isSearch(current)) go(query);
});

$("clear").addEventListener("click", () => {
  go(options());
  $("q").focus();
});

$("forget").addEventListener("click", () => {
  forgetKey();
  go(options());
  $("announcement").textContent = "The key is forgotten.";
  $("q").focus();
});

document.addEventListener("click", (event) => {
  const link = event.target.closest?.(".examples a, #home");
  if (!link || event.metaKey || event.ctrlKey || event.shiftKey) return;
  event.preventDefault();
  go({ ...fromAddress(link.search, allowed), ...(link.id === "home" ? {} : options()) });
});

document.addEventListener("keydown", (event) => {
  const isTyping = /^(input|select|textarea)$/i.test(document.activeElement?.tagName ?? "");
  if (event.key !== "/" || isTyping || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  $("q").focus();
});

watchPictures(
  { file: $("file"), curtain: $("curtain") },
  (file) => {
    const upload = uploads.size + 1;
    uploads.set(upload, file);
    go({ upload, ...options() });
  },
  (reason) => {
    $("refusal").textContent = reason;
  },
);

window.addEventListener("popstate", (event) => {
  const upload = event.state?.upload;
  search({ ...fromAddress(location.search, allowed), ...(uploads.has(upload) ? { upload } : {}) });
});

// --- start ---------------------------------------------------------------------------------------------------------------

async function introduceService() {
  try {
    const { ready, checks = {}, n_items: nItems, n_bits: nBits, bundle_id: bundleId, calibrated = false } = await readiness();
    if (calibrated) $("sureness").hidden = false;
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
