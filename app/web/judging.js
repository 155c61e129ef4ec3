// Lets a visitor say of a hit whether it is relevant, and remembers what was said during this visit.

import { judge } from "./api.js";
import { el } from "./dom.js";
import { Problem } from "./http.js";

const said = new Map();
const keyOf = ({ code }, { id, target }) => `${code} ${target} ${id}`;

/**
 * Draws the two buttons.
 * @param {object} query The answer's `query`.
 * @param {object} hit The hit.
 * @returns {HTMLElement | null} Buttons and what became of them; null where judgements cannot be taken.
 */
export function judgeButtons(query, hit) {
  if (!query.modality) return null; // a mix: what it counts as is not known
  const words = el("p", { class: "judge__words", role: "status" });
  const buttons = [[true, "Relevant"], [false, "Not relevant"]].map(([relevant, label]) => {
    return [relevant, el("button", { class: "option", type: "button", onclick: () => say(relevant) }, label)];
  });
  const show = () => {
    for (const [relevant, button] of buttons) button.setAttribute("aria-pressed", String(said.get(keyOf(query, hit)) === relevant));
  };
  async function say(relevant) {
    try {
      const failure = await judge(query, hit, relevant);
      if (!failure) said.set(keyOf(query, hit), relevant);
      words.textContent = failure || "Thank you, that is kept. An administrator can have the expected precision learn from it.";
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      words.textContent = `That was not kept. ${error.title}. ${error.detail}`;
    }
    show();
  }
  show();
  const group = el(
    "div",
    { class: "judge", role: "group", "aria-label": "Is this what was looked for?" },
    ...buttons.map(([, button]) => button),
  );
  return el("div", {}, el("p", { class: "judge__question", "aria-hidden": "true" }, "Is this what was looked for?"), group, words);
}
