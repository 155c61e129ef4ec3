// Shows one metric's tables at a time; without this script all of them stand one below the other.
for (const tabs of document.querySelectorAll("[data-tabs]")) {
  const panels = [...tabs.querySelectorAll(".panel")];
  if (panels.length < 2) continue;
  const list = document.createElement("div");
  list.className = "tabs";
  list.setAttribute("role", "group");
  list.setAttribute("aria-label", "Figure shown");
  const show = (chosen) => {
    panels.forEach((panel, index) => { panel.hidden = index !== chosen; });
    [...list.children].forEach((button, index) => button.setAttribute("aria-pressed", String(index === chosen)));
  };
  panels.forEach((panel, index) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = panel.dataset.title;
    button.addEventListener("click", () => show(index));
    list.append(button);
  });
  tabs.prepend(list);
  show(0);
}
