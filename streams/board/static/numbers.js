// Numbers as people read them, in the browser's own language.

export const LOCALE = navigator.language || "en";

const formats = new Map();
function number(options) {
  const key = JSON.stringify(options);
  if (!formats.has(key)) formats.set(key, new Intl.NumberFormat(LOCALE, options));
  return formats.get(key);
}
export const plain = (value, digits) => number({ minimumFractionDigits: digits, maximumFractionDigits: digits }).format(value);
export const percent = (value, digits = 1) => number({ style: "percent", minimumFractionDigits: digits, maximumFractionDigits: digits }).format(value);
export const words = (name) => name.replaceAll("_", " ");
export const samples = (count) => `n\u00a0=\u00a0${plain(count, 0)}`;

// Minor units of the currency in `unit` ("EUR_minor"); exact: to the last minor unit.
export function money(value, unit, exact) {
  const found = /^([A-Za-z]{3})_minor$/.exec(unit || "");
  if (!found) return plain(value, 0);
  const currency = found[1].toUpperCase();
  const digits = number({ style: "currency", currency }).resolvedOptions().maximumFractionDigits;
  const major = value / 10 ** digits;
  if (exact) return number({ style: "currency", currency }).format(major);
  if (Math.abs(major) >= 1e6) return number({ style: "currency", currency, notation: "compact", maximumSignificantDigits: 4 }).format(major);
  const shown = Math.abs(major) < 1000 ? digits : 0;
  return number({ style: "currency", currency, maximumFractionDigits: shown, minimumFractionDigits: shown }).format(major);
}

// Seconds as the two largest units: "2 d 7 h".
export function duration(seconds) {
  const s = Math.abs(seconds), sign = seconds < 0 ? "−" : "";
  if (s < 60) return `${sign}${s < 10 ? plain(s, 1) : plain(s, 0)} s`;
  for (const [size, name, next, small] of [[86400, "d", 3600, "h"], [3600, "h", 60, "min"], [60, "min", 1, "s"]]) {
    if (s >= size) {
      const whole = Math.floor(s / size), rest = Math.floor((s - whole * size) / next);
      return `${sign}${plain(whole, 0)} ${name}` + (rest && whole < 100 ? ` ${rest} ${small}` : "");
    }
  }
  return "";
}

// The return on one unit of cost: a factor, not a share.
export const isMultiple = (metric) => /^roi_.*_ratio$/.test(metric);

export function show(metric, value, kind, unit, exact) {
  if (value === null || value === undefined) return "–";
  if (isMultiple(metric)) return `${plain(value, 2)}×`;
  switch (kind) {
    case "money": return money(value, unit, exact);
    case "seconds": return duration(value);
    case "ratio": return percent(value);
    case "points": return number({ maximumFractionDigits: 1, signDisplay: "negative" }).format(value);
    case "mean": return /_minor$/.test(unit) ? money(value, unit, exact) : /second/.test(unit) ? duration(value) : plain(value, 2);
    default: return Math.abs(value) >= 1e6 && !exact
      ? number({ notation: "compact", maximumSignificantDigits: 4 }).format(value)
      : number({ maximumFractionDigits: 2 }).format(value);
  }
}
