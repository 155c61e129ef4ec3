// Reads what was dropped or chosen, folders to their depths. Decides which path a file has; does not know what is done with it.

/** A file and where it lay, such as `holiday/2024/beach.jpg`. @typedef {{path: string, file: File}} Found */

/**
 * Takes what is dropped; to be called while the drop is handled, for afterwards the browser takes it away.
 * @param {DataTransfer} transfer What the drop carries.
 * @returns {{isMany: boolean, files: File[], found: () => Promise<Found[]>}} Whether there are several files or a folder; the files
 *   that were dropped themselves; and everything that is in it all.
 */
export function dropped(transfer) {
  const entries = [...(transfer.items ?? [])].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  const files = [...transfer.files];
  const found = async () => {
    return entries.length ? inOrder((await Promise.all(entries.map((entry) => inside(entry)))).flat()) : chosen(files);
  };
  return { isMany: files.length > 1 || entries.some((entry) => entry.isDirectory), files, found };
}

/** Takes the files of an input, which may be those of a folder. */
export function chosen(files) {
  return inOrder([...files].map((file) => ({ path: file.webkitRelativePath || file.name, file })));
}

const inOrder = (found) => found.sort((a, b) => (a.path < b.path ? -1 : 1));

async function inside(entry, folder = "") {
  const path = folder + entry.name;
  if (entry.isFile) {
    const file = await new Promise((resolve) => entry.file(resolve, () => resolve(null)));
    return file ? [{ path, file }] : []; // one that is gone or may not be read
  }
  const found = [];
  for (const child of await children(entry)) found.push(...(await inside(child, `${path}/`)));
  return found;
}

// A reader gives at most a hundred at a time, and nothing at the end.
async function children(directory) {
  const reader = directory.createReader();
  const all = [];
  for (;;) {
    const some = await new Promise((resolve) => reader.readEntries(resolve, () => resolve([])));
    if (!some.length) return all;
    all.push(...some);
  }
}
