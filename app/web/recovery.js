// Waits for a service that is gone. Decides how often it is asked whether it is back: less and less, and never behind a hidden tab.

import { isThere } from "./api.js";

const FIRST_MS = 1_000;
const LONGEST_MS = 15_000;

/**
 * Waits until the service answers again.
 * @param {AbortSignal} signal Ends the waiting.
 * @returns {Promise<void>} Settles when it answers; never, if it was ended before.
 */
export async function untilBack(signal) {
  for (let pause = FIRST_MS; !signal.aborted; pause = Math.min(2 * pause, LONGEST_MS)) {
    await soon(pause);
    if (signal.aborted || document.hidden) continue;
    if (await isThere()) return;
  }
  await new Promise(() => {});
}

// The browser's word that the network is back shortens the pause.
function soon(ms) {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      window.removeEventListener("online", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    window.addEventListener("online", done);
  });
}
