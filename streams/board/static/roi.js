// Benefit against cost: the sentence, both sides as bars, the period before, the classes of benefit.

import { $, bars, setText } from "./parts.js";
import { about, companion, board, entry, view } from "./store.js";
import { money, percent, words } from "./numbers.js";

const CLASSES = 5;

export function drawRoi() {
  const w = view.window, unit = about("benefit_total").unit || about("service_cost").unit;
  const [net] = entry("roi_net_ratio", w), [benefit] = entry("benefit_total", w), [cost] = entry("service_cost", w);
  const one = money(100, unit, true);
  setText($("sentence"), net === null ? "No cost is known for this window, so there is no return to state."
    : net >= 0 ? `Each ${one} of service came back, and ${money(net * 100, unit, true)} with it.`
      : `Of each ${one} of service ${money((net + 1) * 100, unit, true)} came back.`);
  bars($("balance"), balance(benefit, cost, unit), "No benefit or cost in this window.");
  setText($("balance-before"), before(unit));
  setText($("maturity"), maturity());
  drawClasses(unit);
}

function balance(benefit, cost, unit) {
  const most = Math.max(Math.abs(benefit || 0), Math.abs(cost || 0), 1), rows = [];
  const row = (name, value, kind) => rows.push({ name, share: Math.abs(value) / most, amount: money(value, unit), kind });
  if (benefit !== null) row("Benefit", benefit);
  if (cost !== null) row("Cost", cost, "cost");
  if (benefit !== null && cost !== null) row(benefit >= cost ? "Net gain" : "Net loss", benefit - cost, benefit >= cost ? "" : "cost");
  return rows;
}

function before(unit) {
  const benefit = companion("before", "benefit_total", view.window), cost = companion("before", "service_cost", view.window);
  if (!benefit || !cost || !(benefit[0] || cost[0])) return "";
  const pair = (i) => `benefit ${benefit[i] === null ? "–" : money(benefit[i], unit)}, cost ${cost[i] === null ? "–" : money(cost[i], unit)}`;
  return `The period before: ${pair(0)}.` + (benefit.length > 1 && cost.length > 1 ? ` A year ago: ${pair(1)}.` : "");
}

// The mature share of the number: refunds and late credit may still change the rest.
function maturity() {
  const [mature] = entry("maturity_ratio", view.window), [estimated] = entry("cost_estimated_ratio", view.window), notes = [];
  if (mature !== null) notes.push(`${percent(mature, 0)} of the window is past refunds and late credit`);
  if (estimated) notes.push(`${percent(estimated, 0)} of the cost is estimated`);
  return notes.join(" · ");
}

function drawClasses(unit) {
  const groups = (board.data.groups[view.window] || {}).benefit || [];
  const classes = groups.filter((c) => c[1]).sort((a, b) => b[1] - a[1]);
  const top = Math.max(...classes.map((c) => Math.abs(c[1])), 1), sum = classes.reduce((s, c) => s + c[1], 0);
  if (classes.length > CLASSES) {  // the smallest together, so that the bars still sum to the benefit
    const small = classes.splice(CLASSES - 1);
    classes.push([`${small.length} smaller ones`, small.reduce((s, c) => s + c[1], 0)]);
  }
  bars($("class-bars"), classes.map(([name, value]) => (
    { name: words(name), share: value / top, amount: money(value, unit), small: sum > 0 ? percent(value / sum, 0) : "" }
  )), "No benefit in this window.");
}
