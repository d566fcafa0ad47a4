// A tile: one big number, its samples and interval, its trend by day, its verdict, and its value before.

import { about, companion, board, entry, periodName, view } from "./store.js";
import { drawSparkline, make, mark, setText, sparkline } from "./parts.js";
import { isMultiple, percent, samples, show } from "./numbers.js";

const tiles = [];
const recent = new Map();  // levels have no ended days: their values since the page was opened
const MOST = 180;

export function buildTile(host) {
  const line = make("div", "tile-line"), value = make("div", "tile-value"), sub = make("div", "tile-sub");
  const verdict = make("div", "verdict"), before = make("div", "before"), svg = sparkline();
  line.append(value, svg);
  host.append(make("div", "tile-label", host.dataset.label), line);
  let range = null;
  if (host.dataset.range) {
    range = make("div", "range"); range.setAttribute("aria-hidden", "true");
    range.append(make("i"), make("b"), make("u")); host.append(range);
  }
  host.append(sub, verdict, before);
  host.setAttribute("role", "group"); host.setAttribute("aria-label", host.dataset.label);
  tiles.push({ host, metric: host.dataset.tile, now: "now" in host.dataset, value, sub, verdict, before, svg, range });
}

export const drawTiles = () => tiles.forEach(draw);

export function keepLevels() {
  for (const { metric, now } of tiles) {
    if (!now || !(metric in board.data.metrics)) continue;
    if (!recent.has(metric)) recent.set(metric, []);
    const points = recent.get(metric);
    points.push(entry(metric, "now")[0]);
    if (points.length > MOST) points.shift();
  }
}

function draw(tile) {
  const { host, metric } = tile, window = tile.now ? "now" : view.window;
  host.hidden = !(metric in board.data.metrics);  // not in this board's catalogue: "undefined" would be untrue
  if (host.hidden) return;
  const found = entry(metric, window), [value, , low, high] = found, { kind, unit, help } = about(metric);
  const number = (x, exact) => show(metric, x, kind, unit, exact);
  setText(tile.value, number(value));
  if (isMultiple(metric) && value !== null) tile.value.append(make("small", "", percent(value, 0)));
  host.toggleAttribute("data-undefined", value === null);
  host.title = value === null ? `Undefined: nothing to divide by in this window. ${help}` : `${help}\n${number(value, true)}`;
  setText(tile.sub, subtitle(host, kind, window, found, number));
  drawTrend(tile, number);
  const judged = companion("verdicts", metric, window);
  mark(tile.verdict, judged && judged[0], judged ? verdictText(judged, number, found) : "");
  host.dataset.verdict = judged ? judged[0] : "none";
  drawBefore(tile.before, metric, window, value, number);
  if (tile.range) drawRange(tile, value, low, high, judged);
}

function subtitle(host, kind, window, [value, count, low, high], number) {
  const parts = [];
  if (host.dataset.with in board.data.metrics) {
    const other = host.dataset.with, [v] = entry(other, window), a = about(other);
    const text = show(other, v, a.kind, a.unit);
    parts.push(a.kind === "count" ? `${text} ${host.dataset.withLabel}` : `${host.dataset.withLabel} ${text}`);
  }
  if (low !== null && high !== null) parts.push(`${number(low)} to ${number(high)}`);
  if (value === null) parts.push("no samples");
  // a count is its own n; the denominator of an ROI is money and is shown next to it
  else if (kind !== "count" && kind !== "money" && window !== "now" && !isMultiple(host.dataset.tile)) parts.push(samples(count));
  return parts.join(" · ");
}

function verdictText([verdict, aim, whose], number, [, , low, high]) {
  const target = `target ${number(aim)} (${whose})`;
  const why = low !== null && (aim < low || aim > high) ? "too few answers" : "too close";
  return { met: target, unsure: `${target}: ${why} to tell`, missed: `misses ${target}` }[verdict];
}

function drawTrend({ metric, now, svg }, number) {
  const [first, values] = now ? [null, recent.get(metric) || []] : board.data.days[metric] || [null, []];
  const known = values.filter((value) => value !== null);
  if (now && known.every((value) => value === known[0])) known.length = 0;  // a flat line shows nothing
  const span = now ? "since this page was opened" : `by day since ${first}`;
  drawSparkline(svg, known.length ? values : [], known.length
    ? `Trend ${span}: ${number(Math.min(...known))} to ${number(Math.max(...known))}, last ${number(known[known.length - 1])}` : "");
}

// ▲ and ▼ show the direction; the verdict shows whether that is good.
function drawBefore(element, metric, window, value, number) {
  const found = companion("before", metric, window), parts = [];
  if (found) {
    const [previous, year] = found;
    const arrow = value === null || previous === null || value === previous ? "" : value > previous ? "▲ " : "▼ ";
    parts.push(previous === null ? "none before" : `${arrow}${number(previous)} before`);
    if (typeof year === "number") parts.push(`${number(year)} a year ago`);
    element.title = `The same of the period before (${periodName(window)}), and of a year before where it is kept`;
  }
  setText(element, parts.join(" · "));
}

function drawRange(tile, value, low, high, judged) {
  const [from, to] = tile.host.dataset.range.split(" ").map(Number);
  const place = (x) => `${Math.min(100, Math.max(0, (x - from) / (to - from) * 100))}%`;
  const [bar, dot, target] = tile.range.children;
  bar.hidden = low === null || high === null; dot.hidden = value === null; target.hidden = !judged;
  if (!bar.hidden) { bar.style.left = place(low); bar.style.right = `calc(100% - ${place(high)})`; }
  if (!dot.hidden) dot.style.left = place(value);
  if (!target.hidden) target.style.left = place(judged[1]);
}
