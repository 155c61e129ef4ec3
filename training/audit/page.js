// Decisions on pairs: kept in the page (and, where the browser lets it, over a reload), and downloaded as JSON lines.
const names = JSON.parse(document.body.dataset.labels);
const cards = [...document.querySelectorAll(".card")];
const at = (id) => document.getElementById(id);
const boxes = (card) => [...card.querySelectorAll("input[data-column]")];
const store = `audit ${document.body.dataset.name} ${cards.length} ${cards[0]?.dataset.id ?? ""}`;

const ticked = (card) => boxes(card).filter((box) => box.checked).map((box) => Number(box.dataset.column)).sort((a, b) => a - b);
const mark = (card, state) => {
  card.dataset.state = state;
  const verdict = card.querySelector(".verdict");
  const bare = state === "decided" && ticked(card).length === 0;
  card.classList.toggle("bare", bare);
  verdict.hidden = state !== "decided";
  verdict.textContent = bare ? "needs a label" : "decided";
};
const tick = (card, wanted, state) => {
  for (const box of boxes(card)) {
    box.checked = wanted(box);
    if (box.checked) box.closest("details")?.setAttribute("open", "");
  }
  mark(card, state);
};
const given = (box) => "given" in box.dataset;
const suggested = (box) => "suggested" in box.dataset;
const hasSuggestion = (card) => boxes(card).some((box) => given(box) !== suggested(box));
const actions = {
  suggest: (card) => hasSuggestion(card) && tick(card, suggested, "decided"),
  keep: (card) => tick(card, given, "decided"),
  undo: (card) => tick(card, given, "open"),
};

const isShown = (card) => {
  const query = at("query").value.trim().toLowerCase(), label = at("label").value, role = at("role").value;
  const has = {
    either: (box) => given(box) || suggested(box), given, suggested,
    removed: (box) => given(box) && !suggested(box), added: (box) => suggested(box) && !given(box),
  }[role];
  const state = at("state").value;
  return (!query || `${card.dataset.id} ${card.dataset.text}`.toLowerCase().includes(query))
    && (label === "" ? role === "either" || boxes(card).some(has) : boxes(card).some((box) => box.dataset.column === label && has(box)))
    && Number(card.dataset.suspicion) * 100 >= Number(at("least").value)
    && (state === "all" || state === card.dataset.state);
};
const shown = () => cards.filter((card) => !card.hidden);
const filter = () => {
  for (const card of cards) card.hidden = !isShown(card);
  tell();
};
const tell = () => {
  const decided = cards.filter((card) => card.dataset.state === "decided");
  const bare = decided.filter((card) => card.classList.contains("bare")).length;
  at("told").textContent = `${shown().length} of ${cards.length} pairs shown, ${decided.length} decided`
    + (bare ? `; ${bare} need${bare === 1 ? "s" : ""} a label before a download` : "");
  at("download").disabled = decided.length === 0 || bare > 0;
};
const keep = () => {
  const decided = Object.fromEntries(cards.filter((card) => card.dataset.state === "decided").map((card) => [card.dataset.id, ticked(card)]));
  try { localStorage.setItem(store, JSON.stringify(decided)); } catch { /* a browser that keeps nothing */ }
  tell();
};
const restore = () => {
  let decided = {};
  try { decided = JSON.parse(localStorage.getItem(store)) ?? {}; } catch { /* nothing kept */ }
  for (const card of cards) {
    const columns = decided[card.dataset.id];
    if (columns) tick(card, (box) => columns.includes(Number(box.dataset.column)), "decided");
    else tick(card, given, "open");
  }
};

const lines = () => cards.filter((card) => card.dataset.state === "decided")
  .map((card) => `${JSON.stringify({ id: card.dataset.id, labels: ticked(card).map((column) => names[column]) })}\n`);
const download = () => {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob(lines(), { type: "application/jsonl" }));
  link.download = "reviewed.jsonl";
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
};
const step = (card, by) => {
  const list = shown(), next = list[list.indexOf(card) + by];
  next?.focus();
  next?.scrollIntoView({ block: "nearest" });
};

for (const card of cards) {
  card.tabIndex = 0;
  card.querySelector(".buttons").hidden = false;
  card.addEventListener("change", () => { mark(card, "decided"); keep(); });
  for (const button of card.querySelectorAll("[data-do]")) {
    button.addEventListener("click", () => { actions[button.dataset.do](card); keep(); });
  }
  card.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const action = { s: "suggest", g: "keep", u: "undo" }[event.key];
    const by = { j: 1, k: -1 }[event.key];
    if (action) { actions[action](card); keep(); }
    if (by) step(card, by);
    if (action || by) event.preventDefault();
  });
}
for (const kind of ["input", "change"]) at("tools").addEventListener(kind, filter);
at("tools").addEventListener("submit", (event) => event.preventDefault());
at("take").addEventListener("click", () => { for (const card of shown()) actions.suggest(card); keep(); });
at("download").addEventListener("click", download);
restore();
filter();
