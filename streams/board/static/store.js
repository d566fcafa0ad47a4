// The wall's data and selection. Every module reads it; live.js and the switches write it.

export const WINDOW_NAMES = { "5m": "5 min", "1h": "1 h", "24h": "24 h", "7d": "7 d", "30d": "30 d", "90d": "90 d", "365d": "365 d",
  day: "day", week: "week", month: "month", quarter: "quarter", year: "year" };
const PERIOD_NAMES = { "5m": "last 5 minutes", "1h": "last hour", "24h": "last 24 hours", "7d": "last 7 days", "30d": "last 30 days",
  "90d": "last 90 days", "365d": "last 365 days", day: "today so far", week: "this week so far", month: "this month so far",
  quarter: "this quarter so far", year: "this year so far" };
const DIMENSIONS = ["channel", "issue_type", "priority", "agent"];

export const board = { data: null };  // the newest snapshot, as received from /events
export const view = { window: "24h", dimension: "channel", sort: "tickets_created", down: true };

export const about = (metric) => (board.data && board.data.metrics[metric]) || { kind: "count", unit: "", help: "" };
// [value, count, low, high]; undefined values are null.
export const entry = (metric, window) => (((board.data && board.data.values[window]) || {})[metric]) || [null, 0, null, null];
export const companion = (part, metric, window) => ((board.data[part] || {})[window] || {})[metric] || null;
export const periodName = (window) => PERIOD_NAMES[window] || window;

export function windows() {
  if (!board.data) return [];
  const there = Object.keys(board.data.values).filter((w) => w !== "now");
  return [...Object.keys(WINDOW_NAMES).filter((w) => there.includes(w)), ...there.filter((w) => !(w in WINDOW_NAMES))];
}
export const dimensions = () => DIMENSIONS.filter((d) => board.data && board.data.dimensions.includes(d));

// The chosen window and dimension live in the address, so that a wall can be bookmarked.
export function recall() {
  const hash = new URLSearchParams(location.hash.slice(1));
  view.window = hash.get("window") || view.window;
  view.dimension = hash.get("dimension") || view.dimension;
}
export function remember() {
  const hash = new URLSearchParams(location.hash.slice(1));
  hash.set("window", view.window); hash.set("dimension", view.dimension);
  history.replaceState(null, "", `#${hash}`);
}
