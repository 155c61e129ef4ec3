// The panel in which filters are chosen, and the chips that show which ones hold. Knows elements, not what a wish means.

import { countItems, someItems } from "./api.js";
import { el } from "./dom.js";
import { Facets } from "./facets.js";
import { bounded, expressionOf, spokenWishes, toggled, valueWords } from "./filters.js";
import { Problem } from "./http.js";

const SAMPLE = 500; // items that are looked at for fields and values
const FEW = 6; // values that are shown of a field, until more are asked for
const $ = (id) => document.getElementById(id);
const facets = new Facets();
let wishes = [];
let isWhole = false; // whether all items there are have been looked at
let isLookedUp = false;
let change = () => {};

/** Wires panel and chips; `onChange` is called with the wishes that the visitor now has. */
export function watchFilters(onChange) {
  change = onChange;
  $("filter-toggle").addEventListener("click", toggle);
}

/** What is wished for. */
export const chosenWishes = () => wishes;

/** Learns fields and values from hits. */
export const learnFields = (hits) => facets.see(hits);

/** Shows which filters hold. */
export function showWishes(now) {
  wishes = now;
  const spoken = spokenWishes(now);
  const chips = spoken.map(({ words, without }) =>
    el("li", {}, chip(words, without)),
  );
  const all = el("li", {}, el("button", { class: "link", type: "button", onclick: () => drop([]) }, "Remove all filters"));
  $("chips").replaceChildren(...chips, ...(chips.length > 1 ? [all] : []));
  $("chips").hidden = !chips.length;
  $("filter-number").textContent = spoken.length ? ` (${spoken.length})` : "";
  for (const box of $("filter-fields").querySelectorAll("input[type=checkbox]")) box.checked = box.isWished();
  for (const field of $("filter-fields").querySelectorAll(".facet__range")) field.showRange();
}

const isWished = (field, value) => wishes.some((wish) => wish.field === field && wish.values?.includes(value));

function chip(words, without) {
  const label = `Remove the filter ${words}`;
  return el("button", { class: "chip", type: "button", "aria-label": label, onclick: () => drop(without) }, words);
}

// Who removes a chip stands where it was.
function drop(without) {
  change(without);
  ($("chips").querySelector("button") ?? $("filter-toggle")).focus();
}

/** Forgets what was looked up: there are other items now. */
export function forgetFields() {
  isLookedUp = false;
}

async function toggle() {
  const isOpen = $("filter-panel").hidden;
  $("filter-panel").hidden = !isOpen;
  $("filter-toggle").setAttribute("aria-expanded", String(isOpen));
  if (!isOpen) return;
  if (isLookedUp) return void draw();
  $("filter-note").textContent = "Looking at what the items carry …";
  try {
    const { items, isAll } = await someItems(SAMPLE);
    facets.see(items);
    [isWhole, isLookedUp] = [isAll, true];
    draw();
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    draw();
    $("filter-note").textContent = `Not all fields could be looked up. ${error.title}.`;
  }
}

function draw() {
  const fields = facets.list();
  const seen = `Values seen in ${facets.size.toLocaleString("en")} items`;
  const what = isWhole ? "" : `${seen}; numbers count all that there are.`;
  $("filter-note").textContent = fields.length ? what : "The items have nothing beside picture and text to filter by.";
  $("filter-fields").replaceChildren(...fields.map(drawField));
}

function drawField(facet) {
  const { field, isNumeric, isName } = facet;
  const body = [];
  if (!isNumeric && !isName) body.push(valueBoxes(facet));
  if (isName || (!isNumeric && facet.values.length > 2 * FEW)) body.push(otherValue(facet));
  if (isNumeric) body.push(rangeFields(facet));
  return el("fieldset", { class: "facet" }, el("legend", {}, field), ...body);
}

function valueBoxes({ field, values }) {
  const list = el("ul", { class: "facet__values" });
  const more = el("button", { class: "link", type: "button" }, `All ${values.length}`);
  const add = (some) => list.append(...some.map((one) => el("li", {}, valueBox(field, one))));
  more.addEventListener("click", () => {
    list.replaceChildren();
    add(values);
    list.children[FEW].querySelector("input").focus();
    more.remove();
  });
  const rest = values.slice(FEW);
  add(values.slice(0, FEW));
  add(rest.filter(({ value }) => isWished(field, value)));
  return el("div", {}, list, rest.length ? more : "");
}

function valueBox(field, { value, n }) {
  const box = el("input", { type: "checkbox", onchange: () => change(toggled(wishes, field, value)) });
  box.isWished = () => isWished(field, value);
  box.checked = box.isWished();
  const number = el("span", { class: "facet__n" }, isWhole ? n.toLocaleString("en") : "");
  if (!isWhole) count(number, field, value);
  return el("label", {}, box, el("span", {}, valueWords(value)), number);
}

async function count(place, field, value) {
  const found = await countItems(expressionOf([{ field, values: [value] }])).catch(() => null);
  if (found !== null) place.textContent = found.toLocaleString("en");
}

function otherValue({ field, values }) {
  const texts = values.filter(({ value }) => typeof value === "string");
  const id = `values-of-${field}`;
  const label = { "aria-label": `${field} is exactly`, placeholder: "is exactly …" };
  const input = el("input", { type: "text", list: id, maxlength: 256, autocomplete: "off", ...label });
  const take = () => {
    const known = values.find(({ value }) => String(value) === input.value);
    const value = known ? known.value : input.value;
    if (value !== "" && !isWished(field, value)) change(toggled(wishes, field, value));
    input.value = "";
  };
  input.addEventListener("change", take);
  const options = texts.map(({ value }) => el("option", { value }));
  return el("div", { class: "facet__other" }, input, el("datalist", { id }, ...options));
}

function rangeFields({ field, least, most }) {
  const [from, to] = ["from", "to"].map((end) =>
    el("input", { type: "number", step: "any", "aria-label": `${field} ${end}`, placeholder: end === "from" ? least : most }),
  );
  const numbers = () => [from, to].map(({ value }) => (value === "" ? undefined : Number(value)));
  const take = () => change(bounded(wishes, field, ...numbers()));
  const row = el("div", { class: "facet__range", onchange: take }, from, el("span", {}, "to"), to);
  row.showRange = () => {
    const range = wishes.find((wish) => wish.field === field)?.range ?? {};
    [from.value, to.value] = [range.gte ?? "", range.lte ?? ""];
  };
  row.showRange();
  return row;
}
