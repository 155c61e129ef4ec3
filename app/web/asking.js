// Asks the service for what a query says. Decides where else is looked when nothing of a kind is indexed, and which chances hold.

import { holdings, searchCode, searchImage, searchLike, searchMix, searchText } from "./api.js";
import { targetOf } from "./query.js";

const UNFAMILIAR = 0.02; // as the service counts it, app/familiarity.py

/** Pictures of this visit by number, so that Back finds them again; an address cannot carry them. */
export const uploads = new Map();

/**
 * Asks for the first page. Where nothing of the kind that is looked for is indexed, the other kind is searched, unless the
 * visitor named one.
 * @param {import("./query.js").Query} query The query.
 * @param {AbortSignal} signal Ends the request.
 * @returns {Promise<object>} As {@link ask}, with `lacking` (`{target, other}`: what is not indexed, and what is) and `instead` (what
 *   was searched in its place), where that is so.
 */
export async function askFirst(query, signal) {
  const answer = await ask(query, signal);
  const target = targetOf(query);
  if (answer.hits.length || answer.isUnfamiliar || !target) return answer;
  const held = await holdings(signal);
  if (!held || held[target]) return answer;
  const other = target === "text" ? "image" : "text";
  const lacking = { target, other: held[other] ? other : "" };
  if (query.target || !lacking.other) return { ...answer, lacking };
  return { ...(await ask({ ...query, target: other }, signal)), lacking, instead: other };
}

/**
 * Asks for a page. Further pages of what is costly to encode are asked for with the code that the first page told.
 * @param {object} query The query, perhaps with `cursor` and `explain`.
 * @param {AbortSignal} signal Ends the request.
 * @param {object | null} first The first page.
 * @returns {Promise<object>} The service's answer with `isStrange`: whether nothing like the query was learnt from. What was
 *   measured says nothing of such queries, so that their hits have no expected precision.
 */
export async function ask(query, signal, first = null) {
  const answer = await send(query, signal, first);
  const { familiarity } = answer.query;
  const isStrange = first ? first.isStrange : typeof familiarity === "number" && familiarity < UNFAMILIAR;
  if (!isStrange) return { ...answer, isStrange };
  const hits = answer.hits.map((hit) => ({ ...hit, expected_precision: null, precision_interval: null, isDoubted: true }));
  return { ...answer, hits, isStrange };
}

function send({ text, like, upload, share, ...wanted }, signal, first) {
  const picture = upload ? { blob: uploads.get(upload) } : like ? { id: like } : null;
  const isMix = Boolean(text && picture);
  if (first && (upload || isMix)) {
    return searchCode(first.query, { ...wanted, sure: isMix ? 0 : wanted.sure, target: first.hits[0].target }, signal);
  }
  if (isMix) return searchMix(text, picture, share, wanted, signal);
  if (text) return searchText(text, wanted, signal);
  return upload ? searchImage(picture.blob, wanted, signal) : searchLike(like, wanted, signal);
}
