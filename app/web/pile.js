// Sorts a heap of files into pictures with their captions, and what is none. Decides what an item is called and what it carries.

import { looksLikePicture, sizeRefusal } from "./picturefile.js";

const MAX_ID = 256; // characters, as the service has it

/** A picture to be added. @typedef {{id: string, file: File, caption: File | null, payload: object}} Picture */

/**
 * Sorts files.
 * @param {import("./entries.js").Found[]} found Files with their paths.
 * @returns {{pictures: Picture[], refused: {id: string, reason: string}[], nCaptions: number, nOthers: number}} Pictures, those
 *   that cannot be added with the reason, how many have a caption, and how many files are something else.
 */
export function sorted(found) {
  const visible = found.filter(({ path }) => !path.split("/").some((part) => part.startsWith(".")));
  const texts = new Map(visible.filter(({ path }) => /\.txt$/i.test(path)).map(({ path, file }) => [stem(path), file]));
  const candidates = visible.filter(({ file }) => looksLikePicture(file));
  const names = new Set();
  const judged = candidates.map(({ path, file }) => {
    const id = within(path);
    if (names.has(id)) return { id: path, path, file, reason: "Another picture among these has the same name." };
    names.add(id);
    return { id, path, file, reason: reasonAgainst(id, file) };
  });
  const pictures = judged.filter(({ reason }) => !reason).map(
    ({ id, path, file }) => ({ id, file, caption: texts.get(stem(path)) ?? null, payload: payloadOf(id) }),
  );
  const nCaptions = pictures.filter(({ caption }) => caption).length;
  return {
    pictures,
    refused: judged.filter(({ reason }) => reason).map(({ id, reason }) => ({ id, reason })),
    nCaptions,
    nOthers: found.length - candidates.length - nCaptions,
  };
}

// The path within the folder that was chosen, as `bitlens ingest FOLDER` names pictures.
const within = (path) => path.slice(path.indexOf("/") + 1);
const stem = (path) => path.replace(/\.[^./]*$/, "");

function reasonAgainst(path, file) {
  return path.length > MAX_ID ? `Its path is longer than ${MAX_ID} characters.` : sizeRefusal(file);
}

function payloadOf(path) {
  const parts = path.split("/");
  const file = parts.pop();
  return parts.length ? { folder: parts.join("/"), file } : { file };
}
