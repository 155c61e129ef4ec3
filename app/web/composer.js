// What the search form shows and what it means. Knows the form, not the service.

import { addressOfPicture, pictureAt } from "./api.js";

const $ = (id) => document.getElementById(id);
const form = $("composer");
let chosen = {}; // {upload} or {like}: the picture that the form shows
let previewUrl = null;

/** What may be asked for, by the form's own choices. */
export const allowed = { amounts: numbersOf($("k")), chances: numbersOf($("sure")) };

/** What the form says beside words and picture. */
export const options = () => ({ target: form.elements.target.value, k: Number($("k").value), sure: Number($("sure").value) });

/** What the form says as a whole: what a press on Search asks. */
export function composed() {
  const text = $("q").value.trim();
  const both = text && hasPicture() ? { share: Number($("share").value) / 100 } : {};
  return { ...(text ? { text } : {}), ...chosen, ...both, ...options() };
}

/**
 * Shows a query in the form.
 * @param {object} query The query.
 * @param {Blob | undefined} upload The visitor's own picture, where it asks with one.
 */
export function showQuery({ text, like, upload: number, target, k, sure, share }, upload) {
  $("q").value = text ?? "";
  form.elements.target.value = target;
  $("k").value = String(k);
  $("sure").value = String(sure);
  if (share !== undefined) $("share").value = String(Math.round(share * 100));
  if (sure) offerChances(); // an address may ask for it before the service has said whether it can
  refuse("");
  showChoice(upload ? { upload: number } : like ? { like } : {}, upload);
  explain();
}

/** Shows the choice of a least precision. */
export function offerChances() {
  $("sureness").hidden = false;
}

/** Says why a file cannot be used. */
export function refuse(reason) {
  $("refusal").textContent = reason;
}

/**
 * Shows the picture of the item that the form asks with, if it does; to be called when the service has let us in.
 * @param {AbortSignal} signal Ends the loading.
 * @returns {Promise<string | null>} Address of the picture in the form, or null if there is none.
 */
export async function preview(signal) {
  if (previewUrl || !("like" in chosen)) return previewUrl;
  const blob = await pictureAt(addressOfPicture(chosen.like), signal).catch(() => null); // an item's picture may not be kept
  if (blob && !signal.aborted) showPreview(blob);
  return previewUrl;
}

/** Says what the choices come to, and offers the slider where there are both words and a picture. */
export function explain() {
  const both = Boolean(hasPicture() && $("q").value.trim());
  $("mixing").hidden = !both;
  $("sure").disabled = both;
  $("sure").title = both ? "What distances mean was not measured for mixes" : "";
  $("why").textContent = form.elements.target.value === "" ? automatic(both) : "";
  const share = Number($("share").value);
  $("share").setAttribute("aria-valuetext", `${100 - share} % words, ${share} % picture`);
  $("share-words").textContent = `${100 - share} % words`;
  $("share-picture").textContent = `${share} % picture`;
}

const hasPicture = () => "upload" in chosen || "like" in chosen;

function automatic(both) {
  if (both) return "Words and a picture together find pictures.";
  return "like" in chosen ? "An item finds its own kind." : "A text finds pictures, a picture finds texts.";
}

function showChoice(choice, blob) {
  const isSame = JSON.stringify(choice) === JSON.stringify(chosen);
  chosen = choice;
  if (isSame) return;
  hidePreview();
  $("chosen").hidden = !hasPicture();
  $("chosen-name").textContent = blob?.name ?? `Item ${choice.like}`;
  if (blob) showPreview(blob);
}

function showPreview(blob) {
  previewUrl = URL.createObjectURL(blob);
  $("preview").src = previewUrl;
  $("preview").hidden = false;
}

function hidePreview() {
  if (previewUrl) URL.revokeObjectURL(previewUrl);
  previewUrl = null;
  $("preview").removeAttribute("src");
  $("preview").hidden = true;
}

function numbersOf(select) {
  return Array.from(select.options, (option) => Number(option.value));
}
