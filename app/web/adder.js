// The dialog for adding pictures. Knows elements and how far things are; how pictures are added is told in adding.js.

import { addPictures } from "./adding.js";
import { count, el } from "./dom.js";
import { chosen } from "./entries.js";
import { Problem } from "./http.js";
import { forgetKey } from "./keys.js";
import { sorted } from "./pile.js";

const SETTLED = new Set(["added", "replaced", "present", "taken"]);
const MOST_SHOWN = 200; // failures that are listed
const $ = (id) => document.getElementById(id);
const dialog = $("adder");
let pile = null; // what is to be added
let work = null; // what is under way or ended: {todo, outcomes, running}
let onAdded = () => {};

/** Wires the dialog; `whenAdded` is called when pictures have been added. */
export function watchAdder(whenAdded) {
  onAdded = whenAdded;
  $("add").addEventListener("click", () => open());
  $("adder-close").addEventListener("click", () => dialog.close());
  for (const input of [$("add-folder"), $("add-files")]) {
    input.addEventListener("change", () => {
      if (input.files.length) offer(chosen(input.files));
      input.value = "";
    });
  }
  $("adder-go").addEventListener("click", () => run(pile.pictures));
  $("adder-cancel").addEventListener("click", () => work.running.abort());
  $("adder-again").addEventListener("click", () => run(left()));
  $("adder-replace").addEventListener("click", () => run(of("taken"), true));
  $("adder-other").addEventListener("click", () => reset());
  window.addEventListener("beforeunload", (event) => isRunning() && event.preventDefault());
}

/** Whether what is dropped now is to be added, even if it is a single picture. */
export const isAdding = () => dialog.open && !isRunning();

/** Takes files that were dropped, sorted when they have been read. */
export async function takeFiles(found) {
  if (isRunning()) return void open();
  open();
  stage("reading");
  offer(await found);
}

function open() {
  if (!dialog.open) dialog.showModal();
  if (!work && !pile) stage("empty");
}

function reset() {
  [pile, work] = [null, null];
  stage("empty");
  $("add-folder").focus();
}

function offer(found) {
  pile = sorted(found);
  work = null;
  const { pictures, refused, nCaptions, nOthers } = pile;
  const facts = [
    count(pictures.length, "picture"),
    nCaptions ? count(nCaptions, "caption") : "",
    nOthers ? `${count(nOthers, "other file")} left out` : "",
  ].filter(Boolean);
  $("adder-found").textContent = pictures.length ? `${facts.join(", ")}.` : "No picture that could be added is among them.";
  $("adder-go").textContent = `Add ${count(pictures.length, "picture")}`;
  list(refused.map(({ id, reason }) => [id, reason]));
  stage(pictures.length ? "ready" : "nothing");
  (pictures.length ? $("adder-go") : $("adder-other")).focus();
}

const isRunning = () => Boolean(work?.running && !work.isOver);
const of = (outcome) => work.todo.filter(({ id }) => work.outcomes.get(id)?.outcome === outcome);
const left = () => work.todo.filter(({ id }) => !SETTLED.has(work.outcomes.get(id)?.outcome));

async function run(pictures, mayReplace = false) {
  work ??= { todo: pictures, outcomes: new Map(pile.refused.map(({ id, reason }) => [id, { outcome: "failed", reason }])) };
  pictures.forEach(({ id }) => work.outcomes.delete(id));
  const fresh = { running: new AbortController(), isOver: false, startedAt: performance.now(), nAtStart: nDone(), problem: "" };
  Object.assign(work, fresh);
  stage("running");
  $("adder-cancel").focus();
  progress();
  const onOutcome = (id, outcome, reason = "") => {
    work.outcomes.set(id, { outcome, reason });
    progress();
  };
  try {
    await addPictures(pictures, { mayReplace, signal: work.running.signal, onOutcome, onWaiting: waiting });
  } catch (error) {
    if (error.name !== "AbortError" && !(error instanceof Problem)) throw error;
    if (error instanceof Problem) stop(error);
  } finally {
    work.isOver = true;
    end();
  }
}

function stop(error) {
  work.problem = error.status === 403 ? "This key may search, but not add pictures." : `${error.title}. ${error.detail}`;
  if (error.status === 403) forgetKey();
}

const nDone = () => work.todo.filter(({ id }) => work.outcomes.has(id)).length;

function waiting(words) {
  $("adder-waiting").textContent = words;
}

function progress() {
  const [done, total] = [nDone(), work.todo.length];
  $("adder-bar").max = total;
  $("adder-bar").value = done;
  $("adder-numbers").textContent = `${done.toLocaleString("en")} of ${count(total, "picture")}${timeLeft(done, total)}`;
  $("add").textContent = `Adding ${done} of ${total}`;
  const quarter = Math.floor((4 * done) / total);
  if (quarter !== work.quarter) $("adder-said").textContent = quarter ? `${25 * quarter} % done` : "";
  work.quarter = quarter;
  showFailures();
}

function timeLeft(done, total) {
  const [n, passedS] = [done - work.nAtStart, (performance.now() - work.startedAt) / 1000];
  if (n < 8 || passedS < 3 || done === total) return "";
  const leftS = ((total - done) * passedS) / n;
  return leftS < 90 ? `, about ${Math.ceil(leftS / 5) * 5} seconds left` : `, about ${Math.ceil(leftS / 60)} minutes left`;
}

function end() {
  waiting("");
  $("add").textContent = "Add pictures";
  const n = (outcome) => of(outcome).length;
  const facts = [
    [n("added"), "added"],
    [n("replaced"), "replaced"],
    [n("present"), "there already"],
    [n("taken"), "whose name is taken"],
    [n("failed"), "failed"],
    [work.todo.length - nDone(), "not tried"],
  ].filter(([number]) => number);
  const told = facts.map(([number, what]) => `${number.toLocaleString("en")} ${what}`).join(", ");
  $("adder-outcome").textContent = `${told}. ${work.problem}`;
  const again = left().length;
  const isCut = work.todo.length > nDone();
  $("adder-again").textContent = isCut ? `Go on with ${count(again, "picture")}` : `Try ${count(again, "failed one")} again`;
  $("adder-again").hidden = !again;
  $("adder-replace").textContent = `Replace ${count(n("taken"), "item")}`;
  $("adder-replace").hidden = !n("taken");
  showFailures();
  stage("over");
  (again ? $("adder-again") : $("adder-close")).focus();
  if (n("added") + n("replaced")) onAdded();
}

function showFailures() {
  const failed = [...work.outcomes].filter(([, { outcome }]) => ["failed", "taken"].includes(outcome));
  if (failed.length !== work.nShown) list(failed.map(([id, { reason }]) => [id, reason]));
  work.nShown = failed.length;
}

function list(failures) {
  const more = failures.length - MOST_SHOWN;
  const rows = failures.slice(0, MOST_SHOWN).map(([id, reason]) => el("li", {}, el("b", {}, id), el("span", {}, sentence(reason))));
  if (more > 0) rows.push(el("li", {}, `and ${more.toLocaleString("en")} more`));
  $("adder-failures").replaceChildren(...rows);
  $("adder-failures").hidden = !failures.length;
}

const sentence = (words) => words && `${words[0].toUpperCase()}${words.slice(1)}${/[.!?…]$/.test(words) ? "" : "."}`;

function stage(name) {
  dialog.dataset.stage = name;
}
