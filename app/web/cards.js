// Draws one hit. Decides what a hit with and without a picture looks like; does not know what a click leads to.

import { distanceBar, precisionBar } from "./bars.js";
import { count, el } from "./dom.js";
import { showPicture } from "./pictures.js";

/**
 * Draws hits as list entries, hits of equal distance joined under one heading, from which a line runs on.
 * @param {object[]} hits As the service ordered them.
 * @param {number} nBits Bits of a code.
 * @param {{more: (hit: object) => void, detail: (hit: object) => void}} acts Called when a hit is chosen to search with, or to be
 *   shown.
 * @param {object | null} before The hit that stands before them already.
 * @returns {HTMLElement[]} Entries for an ordered list.
 */
export function hitEntries(hits, nBits, acts, before = null) {
  return hits.map((hit, i) => {
    const isFirst = (hits[i - 1] ?? before)?.distance !== hit.distance;
    const kind = isTextCard(hit) ? "hit hit--text" : "hit";
    const measures = [distanceBar(hit.distance, nBits), precisionBar(hit.expected_precision, hit.precision_interval)];
    const parts = [face(hit, acts.more), caption(hit), el("div", { class: "measures" }, ...measures), details(hit, acts.detail)];
    const card = el("article", { class: "card" }, ...parts);
    const mark = isFirst ? heading(hit.distance) : line();
    return el("li", { class: isFirst ? kind : `${kind} hit--same`, "data-id": hit.id }, mark, card);
  });
}

const line = () => el("div", { class: "mark", "aria-hidden": "true" });

function heading(distance) {
  const rest = el("span", { class: "sr" }, distance === 1 ? " differs" : " differ");
  return el("h3", { class: "mark" }, el("span", {}, count(distance, "bit"), rest));
}

/** Draws the first page of hits as a list. */
export function hitList(hits, nBits, acts) {
  return el("ol", { class: hits.every(isTextCard) ? "hits hits--texts" : "hits" }, ...hitEntries(hits, nBits, acts));
}

/** What a hit is called in words: its text, or its id where it has none. */
export function nameOf(hit) {
  return hit.text || `Item ${hit.id}`;
}

// A text that was found is shown as a text, also when a picture belongs to it: the picture is not what was compared.
const isTextCard = (hit) => !hit.image_url || hit.target === "text";

function face(hit, onMore) {
  if (!hit.image_url) return textFace(hit, onMore, null);
  // Beside the text that says the same, the picture is decoration.
  return isTextCard(hit) ? textFace(hit, onMore, picture(hit, "")) : pictureFace(hit, onMore);
}

function pictureFace(hit, onMore) {
  const image = picture(hit, nameOf(hit));
  const button = el(
    "button",
    { class: "face", type: "button", "aria-label": `More like this picture: ${nameOf(hit)}`, onclick: () => onMore(hit) },
    image,
    el("span", { class: "face__more", "aria-hidden": "true" }, "More like this"),
  );
  // A picture that is gone leaves its text behind instead of a broken frame.
  image.addEventListener("error", () => button.replaceWith(textFace({ ...hit, image_url: null }, onMore, null)));
  return button;
}

function textFace(hit, onMore, thumbnail) {
  const label = hit.image_url ? `More like the picture of this text: ${nameOf(hit)}` : `Search with this text: ${nameOf(hit)}`;
  thumbnail?.addEventListener("error", () => thumbnail.remove());
  return el(
    "button",
    { class: "face face--text", type: "button", "aria-label": label, onclick: () => onMore(hit) },
    el("span", { class: "face__words" }, nameOf(hit)),
    thumbnail,
  );
}

function picture(hit, alt) {
  return showPicture(el("img", { alt, loading: "lazy", decoding: "async", width: 320, height: 320 }), hit.image_url);
}

function details(hit, onDetail) {
  return el(
    "button",
    { class: "link card__details", type: "button", "aria-label": `Details of ${nameOf(hit)}`, onclick: () => onDetail(hit) },
    "Details",
  );
}

function caption(hit) {
  if (isTextCard(hit)) return null;
  return el("p", { class: hit.text ? "caption" : "caption caption--id", title: nameOf(hit) }, nameOf(hit));
}
