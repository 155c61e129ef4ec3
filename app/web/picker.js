// Takes pictures by choosing, dropping or pasting, and refuses kindly what is none. Does not know what is done with them.

import { dropped } from "./entries.js";
import { refusal } from "./picturefile.js";

/**
 * Wires the file input, dropping (anywhere in the window) and pasting.
 * @param {{file: HTMLInputElement, curtain: HTMLElement}} parts The file input, and what covers the page while a file is over it.
 * @param {{onPicture: (file: File) => void, onMany: (found: Promise<object[]>) => void, wantsMany: () => boolean,
 *   onRefusal: (reason: string) => void}} uses What a picture is for, what several files or a folder are for, whether a single one
 *   counts as several now, and who is told in a sentence of everything else.
 */
export function watchPictures({ file, curtain }, { onPicture, onMany, wantsMany, onRefusal }) {
  const take = (one) => {
    const reason = refusal(one);
    if (reason) onRefusal(reason);
    else onPicture(one);
  };
  file.addEventListener("change", () => {
    if (file.files.length) take(file.files[0]);
    file.value = ""; // so that choosing the same file again is a change
  });
  document.addEventListener("paste", (event) => {
    const [one] = event.clipboardData.files;
    if (!one || document.querySelector("dialog[open]")) return; // text goes where the cursor is
    event.preventDefault();
    take(one);
  });
  watchDrops(curtain, (transfer) => {
    const { isMany, files, found } = dropped(transfer);
    if (isMany || (files.length && wantsMany())) onMany(found());
    else if (files.length) take(files[0]);
    else onRefusal("That was a link, not a picture. Save the picture first, then drop the file.");
  });
}

function watchDrops(curtain, take) {
  // Entering a child fires before leaving its parent, so the depth is counted.
  let depth = 0;
  const enter = (by) => {
    depth = Math.max(0, depth + by);
    curtain.hidden = depth === 0;
  };
  const carriesSomething = (event) => ["Files", "text/uri-list"].some((type) => event.dataTransfer?.types.includes(type));
  window.addEventListener("dragenter", (event) => carriesSomething(event) && enter(1));
  window.addEventListener("dragleave", (event) => carriesSomething(event) && enter(-1));
  window.addEventListener("dragover", (event) => carriesSomething(event) && event.preventDefault());
  window.addEventListener("drop", (event) => {
    if (!carriesSomething(event)) return;
    event.preventDefault();
    enter(-depth);
    take(event.dataTransfer);
  });
}
