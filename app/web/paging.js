// Loads further pages when the end of the list comes near, or by a button. Does not know what a page is made of.

import { el } from "./dom.js";
import { laterWords, Problem } from "./http.js";
import { sentence } from "./view.js";

const AHEAD = "600px"; // the next page is asked for when the end is so near to the window

/**
 * Puts a button for more at the end of the results.
 * @param {HTMLElement} place Where it goes; gone from the page with the results.
 * @param {string | null} cursor Leads to the next page.
 * @param {(cursor: string) => Promise<object>} load Asks for a page, `{hits, nextCursor}`.
 * @param {(page: object) => HTMLElement | null} append Shows a page and returns its first entry.
 * @param {AbortSignal} signal Ends it all.
 */
export function offerMore(place, cursor, load, append, signal) {
  if (!cursor) return;
  const words = el("p", { class: "more__words", role: "alert" });
  const button = el("button", { class: "go go--small", type: "button" }, "Show more");
  const nearness = new IntersectionObserver(([entry]) => entry.isIntersecting && more(), { rootMargin: AHEAD });
  let byHand = false;
  const more = async () => {
    if (button.getAttribute("aria-busy")) return;
    nearness.disconnect(); // observed anew afterwards, it fires at once where the end is still near
    button.setAttribute("aria-busy", "true");
    try {
      const page = await load(cursor);
      if (signal.aborted) return;
      words.textContent = "";
      cursor = page.nextCursor;
      const first = append(page);
      if (byHand) first?.querySelector("button")?.focus({ preventScroll: true });
      byHand = false;
      if (cursor) nearness.observe(button);
      else place.replaceChildren(el("p", { class: "more__end" }, "These are all."));
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof Problem)) throw error;
      words.textContent = `More could not be loaded. ${sentence(error.detail)} ${laterWords(error.retryAfterS)}`;
    } finally {
      button.removeAttribute("aria-busy");
    }
  };
  button.addEventListener("click", () => {
    byHand = true; // also where the page is under way already
    more();
  });
  signal.addEventListener("abort", () => nearness.disconnect());
  place.className = "more";
  place.append(words, button);
  nearness.observe(button);
}
