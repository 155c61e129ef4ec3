// The panel of bulk jobs. Decides how a job is told; ends one when asked to.

import { askJson, Problem } from "../http.js";
import { count, el } from "../dom.js";
import { whole } from "./words.js";

const places = new Map();
const ACTIVE = new Set(["queued", "running"]);

/** Draws the panel; `onChange` is called when a job has been changed. */
export function drawJobs(jobs, onChange) {
  if (!jobs.length) return [el("p", { class: "note" }, "There has been none. POST /index/jobs begins one.")];
  return [el("ul", { class: "jobs" }, ...jobs.map((job) => drawJob(job, onChange)))];
}

function drawJob(job, onChange) {
  const { id, state, manifest, n_asked: asked, n_added: added, n_replaced: replaced, n_failed: failed, error } = job;
  const done = added + replaced + failed;
  const name = manifest ?? "an uploaded archive";
  const bar = el(
    "progress",
    { class: "bar", max: asked ?? 1, "aria-label": `Items done of ${name}`, value: asked === null ? null : done },
  );
  const words = [
    `${whole(added)} added`,
    replaced ? `${whole(replaced)} replaced` : "",
    failed ? `${whole(failed)} failed` : "",
    asked === null ? "" : `of ${count(asked, "item")}`,
  ];
  const place = places.get(id) ?? el("div", {}); // what was opened stays open while the job goes on
  places.set(id, place);
  return el(
    "li",
    { "data-job": id },
    el(
      "p",
      { class: "jobs__head" },
      el("b", {}, name),
      el("span", { class: `tag tag--${state}` }, state),
      el("span", {}, when(job)),
    ),
    ACTIVE.has(state) ? bar : null,
    el("p", {}, words.filter(Boolean).join(", ").replace(", of", " of")),
    error ? el("p", { class: "bad" }, error) : null,
    el("div", { class: "jobs__ways" }, failed ? reasons(id, place) : null, ACTIVE.has(state) ? cancel(id, place, onChange) : null),
    place,
  );
}

function when({ created_at_s: created, started_at_s: started, ended_at_s: ended }) {
  const time = new Date(1000 * (ended ?? started ?? created)).toLocaleString("en-GB");
  return `${ended ? "ended" : started ? "since" : "waits since"} ${time}`;
}

function reasons(id, place) {
  return button("Why they failed", place, async () => {
    const { failures } = (await askJson(`index/jobs/${id}`)).content;
    const rows = failures.map(({ line, id: item, detail }) => el("li", {}, el("b", {}, item ?? `line ${line}`), ` ${detail}`));
    place.replaceChildren(el("ul", { class: "jobs__failures" }, ...rows));
  });
}

function cancel(id, place, onChange) {
  return button("Cancel", place, async () => {
    await askJson(`index/jobs/${id}/cancel`, { method: "POST" });
    await onChange();
  });
}

function button(words, place, act) {
  const press = async () => {
    try {
      await act();
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      place.replaceChildren(el("p", { class: "bad", role: "alert" }, `${error.title}. ${error.detail}`));
    }
  };
  return el("button", { class: "option", type: "button", onclick: press }, words);
}
