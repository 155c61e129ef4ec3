// Tells of a file whether the service could read it as a picture. This only spares a hopeless upload: the service decides.

const TYPES = ["image/jpeg", "image/png", "image/webp", "image/gif", "image/bmp"];
const CHOOSE = "Choose a JPEG, PNG, WebP, GIF or BMP file.";
const MAX_BYTES = 20 * 1024 * 1024; // what the service takes unless it is told otherwise

/** Whether a file is a picture, if perhaps of a kind that cannot be read. */
export const looksLikePicture = ({ type }) => type.startsWith("image/");

/** Why one file cannot be searched with, in a sentence; "" if it can. */
export function refusal(file) {
  const name = `“${file.name}”`;
  if (!looksLikePicture(file)) return `${name} is not a picture. ${CHOOSE}`;
  if (!TYPES.includes(file.type)) return `${name} is in a format that cannot be read here. ${CHOOSE}`;
  if (!file.size) return `${name} is empty.`;
  if (file.size > MAX_BYTES) return `${name} has ${megabytes(file.size)}; up to ${megabytes(MAX_BYTES)} can be searched with.`;
  return "";
}

/** Why a picture cannot be added, beside its name; "" if it can. */
export function sizeRefusal({ type, size }) {
  if (!TYPES.includes(type)) return "Its format cannot be read here: JPEG, PNG, WebP, GIF and BMP can.";
  if (!size) return "It is empty.";
  return size > MAX_BYTES ? `It has ${megabytes(size)}; up to ${megabytes(MAX_BYTES)} are taken.` : "";
}

const megabytes = (n) => `${(n / 1024 / 1024).toFixed(n % (1024 * 1024) ? 1 : 0)} MB`;
