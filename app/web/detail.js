// The dialog with everything about one hit. Decides what stands in it; what its buttons lead to is told to it.

import { item } from "./api.js";
import { distanceBar, noChance, precisionBar } from "./bars.js";
import { bitField } from "./bits.js";
import { nameOf } from "./cards.js";
import { el } from "./dom.js";
import { drawExplanation } from "./explanation.js";
import { Problem } from "./http.js";
import { judgeButtons } from "./judging.js";
import { drawPayload } from "./payload.js";
import { showPicture } from "./pictures.js";

const $ = (id) => document.getElementById(id);
const dialog = $("detail");
let shown = null; // {list, place, query, acts}
let running = new AbortController();

/**
 * Opens the dialog.
 * @param {object[]} list All hits on the page.
 * @param {number} place Which of them.
 * @param {object} query The answer's `query`.
 * @param {{explain: Function, more: Function, mix: Function | null, filter: Function}} acts What the buttons do: explain a place
 *   (returns a promise of `{query, hit}`), search for more like a hit, mix it with the words, filter by a field's value.
 */
export function openDetail(list, place, query, acts) {
  shown = { list, place, query, acts };
  draw();
  if (!dialog.open) dialog.showModal();
}

/** Closes the dialog, if it is open. */
export function closeDetail() {
  if (dialog.open) dialog.close();
}

dialog.addEventListener("close", () => running.abort());
dialog.addEventListener("click", (event) => event.target === dialog && dialog.close()); // beside the box
dialog.addEventListener("keydown", (event) => {
  if (event.altKey || event.ctrlKey || event.metaKey) return;
  if (event.key === "ArrowLeft") turn(-1);
  if (event.key === "ArrowRight") turn(1);
});
$("detail-close").addEventListener("click", () => dialog.close());
$("detail-previous").addEventListener("click", () => turn(-1));
$("detail-next").addEventListener("click", () => turn(1));

function turn(by) {
  const place = shown.place + by;
  if (place < 0 || place >= shown.list.length) return;
  shown = { ...shown, place };
  draw();
}

function draw() {
  const { list, place } = shown;
  const hit = list[place];
  running.abort();
  running = new AbortController();
  $("detail-place").textContent = `${place + 1} of ${list.length}`;
  for (const [id, isEnd] of [["detail-previous", place === 0], ["detail-next", place === list.length - 1]]) {
    $(id).setAttribute("aria-disabled", String(isEnd)); // not disabled: that would take the focus away
  }
  $("detail-title").textContent = nameOf(hit);
  $("detail-face").replaceChildren(face(hit));
  $("detail-body").replaceChildren(...sections(hit, running.signal).filter(Boolean));
  $("detail-body").scrollTop = 0;
}

function face(hit) {
  if (!hit.image_url) return el("p", { class: "detail__words" }, nameOf(hit));
  const image = showPicture(el("img", { alt: nameOf(hit), decoding: "async" }), hit.image_url);
  // A small picture is enlarged, but not beyond recognition.
  image.addEventListener("load", () => image.style.setProperty("--most", `${image.naturalWidth * 2.5}px`));
  image.addEventListener("error", () => image.replaceWith(el("p", { class: "detail__words" }, "The picture cannot be shown.")));
  return image;
}

function sections(hit, signal) {
  const { query, acts } = shown;
  const nBits = query.code.length * 4;
  const codes = el("div", { class: "codes" });
  const facts = el("dl", { class: "fields" }, ...entry("Id", hit.id));
  const payload = drawPayload(hit.payload, (field, value) => leave(() => acts.filter(field, value)));
  const measures = [distanceBar(hit.distance, nBits), chance(hit)].filter(Boolean);
  lookUp(hit, codes, facts, signal);
  return [
    el("div", { class: "measures" }, ...measures),
    buttons(hit),
    judgeButtons(query, hit),
    section("The two codes", codes),
    payload ? section("What it carries", payload) : null,
    section("The item", facts),
  ];
}

const chance = (hit) => (hit.isDoubted ? noChance() : precisionBar(hit.expected_precision, hit.precision_interval));

function buttons(hit) {
  const { acts } = shown;
  const more = hit.image_url ? "More like this picture" : "Search with this text";
  const way = (words, act) => el("button", { class: "option", type: "button", onclick: () => leave(() => act(hit)) }, words);
  return el("div", { class: "ways" }, way(more, acts.more), hit.image_url && acts.mix ? way("Mix with the words", acts.mix) : null);
}

// The dialog hands the focus back before the search takes it.
function leave(act) {
  dialog.close();
  act();
}

async function lookUp(hit, codes, facts, signal) {
  try {
    const stored = await item(hit.id, signal);
    if (signal.aborted) return;
    if (stored.image) facts.append(...entry("Picture", pictureFacts(stored.image)));
    compare(codes, hit, stored.codes[hit.target], signal);
  } catch (error) {
    if (signal.aborted) return;
    if (!(error instanceof Problem)) throw error;
    const isGone = error.status === 404;
    codes.replaceChildren(el("p", {}, isGone ? "The item has been deleted since." : `It could not be looked up. ${error.title}.`));
  }
}

function compare(codes, hit, code, signal) {
  if (!code) return void codes.replaceChildren(el("p", {}, "The item has changed since: it has no such code any more."));
  const why = el("button", { class: "option", type: "button" }, "Explain");
  const told = el("div", { class: "codes__told", role: "status" });
  why.addEventListener("click", () => explain(codes, hit, code, why, told, signal));
  drawCodes(codes, code);
  const legend = el("p", { class: "codes__legend" }, el("span", { class: "codes__swatch", "aria-hidden": "true" }), "differs");
  codes.append(...(hit.distance ? [legend] : []), why, told);
}

function drawCodes(codes, code, undecided = {}) {
  const asked = shown.query.code;
  const figures = [
    ["The query’s", bitField(asked, { other: code, undecided: undecided.query, name: "Code of the query" })],
    ["The item’s", bitField(code, { other: asked, undecided: undecided.hit, name: "Code of the item" })],
  ].map(([name, field]) => el("figure", {}, field, el("figcaption", {}, name)));
  codes.querySelectorAll("figure").forEach((old) => old.remove());
  codes.prepend(...figures);
}

async function explain(codes, hit, code, button, told, signal) {
  if (button.getAttribute("aria-busy")) return;
  button.setAttribute("aria-busy", "true");
  told.textContent = "Asking the encoders again …";
  try {
    const { query, hit: found } = await shown.acts.explain(shown.place, signal);
    if (signal.aborted) return;
    drawCodes(codes, code, { query: query.undecided_bits ?? [], hit: found.undecided_bits ?? [] });
    told.replaceChildren(drawExplanation(query, found, shown.query.code.length * 4));
    button.remove();
  } catch (error) {
    if (signal.aborted) return;
    if (!(error instanceof Problem)) throw error;
    told.textContent = `No explanation came. ${error.title}. ${error.detail}`;
    button.removeAttribute("aria-busy");
  }
}

function pictureFacts({ width, height, media_type: type }) {
  return `${width} × ${height} pixels, ${type.replace("image/", "").toUpperCase()}`;
}

const section = (title, content) => el("section", {}, el("h3", {}, title), content);
const entry = (term, value) => [el("div", {}, el("dt", {}, term), el("dd", {}, value))];
