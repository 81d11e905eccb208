// Times of tokens: seconds since 1970 (RFC 7519 2, NumericDate).

const UNITS = [["day", 86_400], ["h", 3_600], ["min", 60], ["s", 1]];

export const now = () => Date.now() / 1000;

/** Write a length of time in its two largest units: "59 min 30 s". */
export function distance(seconds) {
  let left = Math.round(Math.abs(seconds));
  const words = [];
  for (const [unit, size] of UNITS) {
    const count = Math.floor(left / size);
    left -= count * size;
    if (count > 0) words.push(`${count} ${unit}${unit === "day" && count > 1 ? "s" : ""}`);
  }
  return words.slice(0, 2).join(" ") || "0 s";
}

/** Write a time as it is on the clock of whoever looks. */
export function local(seconds) {
  const date = new Date(seconds * 1000);
  return Number.isNaN(date.getTime()) ? "no time" : date.toLocaleString([], { dateStyle: "medium", timeStyle: "medium" });
}

/** Write how far a time is away. */
export function away(seconds) {
  const left = seconds - now();
  return left > 0 ? `in ${distance(left)}` : `${distance(left)} ago`;
}
