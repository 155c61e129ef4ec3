// Reads Prometheus' text format. Decides how a quantile is told from buckets; does not know which figures there are.

const LINE = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)/;
const LABEL = /(\w+)="((?:[^"\\]|\\.)*)"/g;

/** Reads samples, `{name, labels, value}`; comments are passed over. */
export function samplesOf(text) {
  return text.split("\n").flatMap((line) => {
    const found = line.startsWith("#") ? null : LINE.exec(line);
    if (!found) return [];
    const labels = Object.fromEntries([...(found[2] ?? "").matchAll(LABEL)].map(([, name, value]) => [name, value]));
    return [{ name: found[1], labels, value: Number(found[3]) }];
  });
}

/**
 * Gathers a histogram's series.
 * @param {{name: string, labels: object, value: number}[]} samples All samples.
 * @param {string} name The histogram's name.
 * @param {string[]} by Labels that tell series apart; others are added up.
 * @returns {Map<string, {labels: object, counts: Map<number, number>}>} Cumulative counts by upper bound, Infinity for all.
 */
export function histogramsOf(samples, name, by) {
  const found = new Map();
  for (const { name: own, labels, value } of samples) {
    if (own !== `${name}_bucket`) continue;
    const key = by.map((label) => labels[label]).join(" ");
    const series = found.get(key) ?? { labels, counts: new Map() };
    const bound = labels.le === "+Inf" ? Infinity : Number(labels.le);
    series.counts.set(bound, (series.counts.get(bound) ?? 0) + value);
    found.set(key, series);
  }
  return found;
}

/** Returns how many there are. */
export const total = (counts) => counts.get(Infinity) ?? 0;

/** Returns what has come since an earlier look; counts that became less began anew. */
export function since(counts, earlier) {
  if (!earlier || total(counts) < total(earlier)) return counts;
  return new Map([...counts].map(([bound, n]) => [bound, n - (earlier.get(bound) ?? 0)]));
}

/**
 * Returns a quantile, taking values as evenly spread within a bucket.
 * @param {Map<number, number>} counts Cumulative counts.
 * @param {number} share In (0, 1].
 * @returns {number | null} The value; the last finite bound where it lies above all of them; null if there are none.
 */
export function quantile(counts, share) {
  const wanted = share * total(counts);
  if (!wanted) return null;
  let [low, below] = [0, 0];
  for (const [bound, n] of [...counts].sort(([a], [b]) => a - b)) {
    if (n >= wanted) return bound === Infinity ? low : low + ((bound - low) * (wanted - below)) / (n - below || 1);
    [low, below] = [bound, n];
  }
  return low;
}
