// Keeps the key of this visit and asks for one. Decides where it stays: in this tab's session, never in an address.

import { el } from "./dom.js";

const PLACE = "bitlens-key";
document.body.append(keyDialog());
const $ = (id) => document.getElementById(id);
let asking = null;

/** The key that is sent, or null. */
export const keptKey = () => sessionStorage.getItem(PLACE);

/** Forgets the key. */
export function forgetKey() {
  sessionStorage.removeItem(PLACE);
  showForget();
}

/** Shows the button that forgets the key exactly when there is one. */
export function showForget() {
  $("forget").hidden = !keptKey();
}

/**
 * Asks the visitor for a key until one is taken; who asks meanwhile shares the answer.
 * @param {(key: string) => Promise<string>} refusalOf Tries a key: "" if the service takes it, else why not.
 * @param {string} reason Said before anything was tried, such as that the former key is not known any more.
 * @returns {Promise<boolean>} Whether there is a key now; false if the visitor would rather not.
 */
export function askForKey(refusalOf, reason) {
  asking ??= ask(refusalOf, reason).finally(() => {
    asking = null;
  });
  return asking;
}

function ask(refusalOf, reason) {
  const [dialog, form, field] = [$("key-dialog"), $("key-form"), $("key")];
  const ended = new AbortController();
  form.addEventListener("submit", (event) => submit(event, refusalOf), { signal: ended.signal });
  $("key-cancel").addEventListener("click", () => dialog.close(), { signal: ended.signal });
  dialog.returnValue = "";
  field.value = "";
  complain(reason);
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      ended.abort();
      field.value = "";
      showForget();
      resolve(dialog.returnValue === "kept");
    }, { once: true });
  });
}

async function submit(event, refusalOf) {
  event.preventDefault();
  const [dialog, field, button] = [$("key-dialog"), $("key"), $("key-use")];
  const key = field.value.trim();
  if (button.disabled) return;
  if (!key) return void complain("Type or paste a key first.");
  button.disabled = true;
  const refusal = await refusalOf(key);
  button.disabled = false;
  if (!dialog.open) return; // left meanwhile
  if (refusal) return void complain(refusal);
  sessionStorage.setItem(PLACE, key);
  dialog.close("kept");
}

function complain(words) {
  $("key-refusal").textContent = words;
  $("key").setAttribute("aria-invalid", String(Boolean(words)));
  if (words && $("key-dialog").open) $("key").select();
}

function keyDialog() {
  const why = "This service answers only those who have a key. It stays in this tab until you close it or forget the key.";
  const field = {
    id: "key",
    type: "password",
    autocomplete: "off",
    autocapitalize: "none",
    spellcheck: "false",
    "aria-describedby": "key-refusal",
    autofocus: true,
  };
  const ways = [
    el("button", { class: "go", id: "key-use", type: "submit" }, "Use the key"),
    el("button", { class: "link", id: "key-cancel", type: "button" }, "Not now"),
  ];
  const form = el(
    "form",
    { class: "key__form", id: "key-form", method: "dialog", autocomplete: "off" },
    el("h2", { id: "key-title" }, "A key, please"),
    el("p", { id: "key-why" }, why),
    el("label", { for: "key" }, "Key"),
    el("input", field),
    el("p", { class: "refusal", id: "key-refusal", role: "alert" }),
    el("div", { class: "key__ways" }, ...ways),
  );
  return el("dialog", { class: "key", id: "key-dialog", "aria-labelledby": "key-title", "aria-describedby": "key-why" }, form);
}
