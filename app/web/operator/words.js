// Puts numbers into words: times, sizes, shares.

const UNITS = [[86_400, "day"], [3_600, "hour"], [60, "minute"], [1, "second"]];

/** "3.2 ms", "1.4 s". */
export function duration(seconds) {
  if (seconds === null) return "–";
  if (seconds < 0.0995) return `${(seconds * 1000).toPrecision(2)} ms`;
  return seconds < 0.9995 ? `${Math.round(seconds * 1000)} ms` : `${seconds.toPrecision(2)} s`;
}

/** "4 minutes", "2 days": how long ago something was. */
export function span(seconds) {
  const [size, unit] = UNITS.find(([one]) => seconds >= one) ?? UNITS.at(-1);
  const n = Math.floor(seconds / size);
  return `${n} ${unit}${n === 1 ? "" : "s"}`;
}

/** "25 kB", "8.1 MB". */
export function bytes(n) {
  const [size, unit] = [[1e9, "GB"], [1e6, "MB"], [1e3, "kB"]].find(([one]) => n >= one) ?? [1, "B"];
  const value = n / size;
  return `${value >= 10 || size === 1 ? Math.round(value) : value.toFixed(1)} ${unit}`;
}

export const whole = (n) => n.toLocaleString("en");
