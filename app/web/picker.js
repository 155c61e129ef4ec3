// Takes a picture by choosing, dropping or pasting, and refuses kindly what is none. Does not know what is done with it.

// What the service takes unless it is told otherwise: this only spares a hopeless upload, the service decides.
const TYPES = ["image/jpeg", "image/png", "image/webp", "image/gif", "image/bmp"];
const MAX_BYTES = 20 * 1024 * 1024;

/**
 * Wires the file input, dropping (anywhere in the window) and pasting.
 * @param {{file: HTMLInputElement, curtain: HTMLElement}} parts The file input, and what covers the page while a file is over it.
 * @param {(file: File) => void} onPicture Called with an acceptable picture.
 * @param {(reason: string) => void} onRefusal Called with a sentence for everything else.
 */
export function watchPictures({ file, curtain }, onPicture, onRefusal) {
  const take = (files) => {
    const reason = refusal(files);
    if (reason) onRefusal(reason);
    else onPicture(files[0]);
  };
  file.addEventListener("change", () => {
    if (file.files.length) take([...file.files]);
    file.value = ""; // so that choosing the same file again is a change
  });
  document.addEventListener("paste", (event) => {
    const files = [...event.clipboardData.files];
    if (!files.length) return; // text goes where the cursor is
    event.preventDefault();
    take(files);
  });
  watchDrops(curtain, take);
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
    take([...event.dataTransfer.files]);
  });
}

function refusal(files) {
  if (!files.length) return "That was a link, not a picture. Save the picture first, then drop the file.";
  if (files.length > 1) return "One picture at a time, please.";
  const [{ name, type, size }] = files;
  if (!type.startsWith("image/")) return `“${name}” is not a picture. Choose a JPEG, PNG, WebP, GIF or BMP file.`;
  if (!TYPES.includes(type)) return `“${name}” is in a format that cannot be read here. Choose a JPEG, PNG, WebP, GIF or BMP file.`;
  if (!size) return `“${name}” is empty.`;
  if (size > MAX_BYTES) return `“${name}” has ${megabytes(size)}; up to ${megabytes(MAX_BYTES)} can be searched with.`;
  return "";
}

const megabytes = (n) => `${(n / 1024 / 1024).toFixed(n % (1024 * 1024) ? 1 : 0)} MB`;
