// The break-down: the members of one dimension, requested from /api/metrics for the chosen window.

import { $, make, setText } from "./parts.js";
import { about, board, view } from "./store.js";
import { samples, show, words } from "./numbers.js";

const COLUMNS = { tickets_created: "Tickets", first_response_p50_seconds: "First response", full_resolution_p50_seconds: "Resolution",
  reopen_ratio: "Reopened", csat_ratio: "CSAT", fcr_one_session_ratio: "First contact", benefit_total: "Benefit",
  service_cost: "Cost", roi_net_ratio: "ROI, net" };
const ROWS = 12;
let rows = null;      // the records, with the snapshot and selection they belong to
let asking = null;

export async function askTable() {
  const { data } = board;
  if (!data) return;
  const wanted = `${data.id}|${view.window}|${view.dimension}`;
  if (asking || (rows && rows.of === wanted)) return;
  const metrics = Object.keys(COLUMNS).filter((m) => m in data.metrics);
  const query = new URLSearchParams([["window", view.window], ["dimension", view.dimension], ...metrics.map((m) => ["metric", m])]);
  const [window, dimension, start] = [view.window, view.dimension, (data.periods || {})[view.window] || null];
  asking = wanted;
  try {
    const answer = await fetch(`/api/metrics?${query}`, { signal: AbortSignal.timeout(10000) });
    if (answer.status === 400) rows = { of: wanted, window, dimension, list: [] };
    if (answer.ok) rows = { of: wanted, window, dimension, list: (await answer.json()).filter((r) => r.period_start === start) };
  } catch { /* the stream notices a lost connection, and the next snapshot asks again */ }
  asking = null;
  if (rows && rows.of === wanted) drawTable();
  if (view.window !== window || view.dimension !== dimension) askTable();
}

export function drawTable() {
  setText($("detail-name"), words(view.dimension));
  if (!rows || rows.window !== view.window || rows.dimension !== view.dimension) return;
  const members = byMember(rows.list), shown = Object.keys(COLUMNS).filter((m) => rows.list.some((r) => r.metric === m));
  const most = chosen(members), body = $("table-body");
  drawHead(shown);
  while (body.children.length > most.length) body.lastChild.remove();
  most.forEach(([member, cells], i) => drawLine(body.children[i] || body.appendChild(make("tr")), member, shown.map((m) => cells.get(m))));
  setText($("table-note"), members.size === 0 ? "Nothing in this window." : members.size > ROWS ? `The ${ROWS} with the most tickets of ${members.size}.` : "");
}

function byMember(records) {
  const members = new Map();
  for (const r of records) {
    if (!members.has(r.member)) members.set(r.member, new Map());
    members.get(r.member).set(r.metric, r);
  }
  return members;
}

// The members with the most tickets, in the order that was chosen.
function chosen(members) {
  const value = ([, cells], metric) => { const r = cells.get(metric); return r && r.value !== null ? r.value : -Infinity; };
  const byName = (a, b) => a[0].localeCompare(b[0]);
  const most = [...members].sort((a, b) => value(b, "tickets_created") - value(a, "tickets_created") || byName(a, b)).slice(0, ROWS);
  most.sort((a, b) => (view.sort === "member" ? 0 : value(b, view.sort) - value(a, view.sort)) || byName(a, b));
  return view.down ? most : most.reverse();
}

function drawLine(line, member, records) {
  while (line.children.length > records.length + 1) line.lastChild.remove();
  while (line.children.length < records.length + 1) line.append(make(line.children.length ? "td" : "th"));
  line.firstChild.scope = "row";
  setText(line.firstChild, member); line.firstChild.title = member;
  records.forEach((r, k) => {
    const cell = line.children[k + 1], missing = !r || r.value === null;
    const text = (x) => show(r.metric, x, about(r.metric).kind, r.unit);
    setText(cell, missing ? "–" : text(r.value));
    cell.className = missing ? "none" : "";
    cell.title = missing ? "Undefined: no samples"
      : samples(r.count) + (r.low !== null && r.high !== null ? `, 95 % interval ${text(r.low)} to ${text(r.high)}` : "");
  });
}

function drawHead(metrics) {
  const head = $("table-head"), wanted = ["member", ...metrics], key = wanted.join(",");
  if (head.dataset.columns !== key) {
    head.dataset.columns = key;
    head.replaceChildren(...wanted.map((m) => {
      const cell = make("th"), button = make("button", "", m === "member" ? "Name" : COLUMNS[m]);
      cell.scope = "col"; button.type = "button"; cell.dataset.metric = m;
      button.addEventListener("click", () => { view.down = view.sort === m ? !view.down : true; view.sort = m; drawTable(); });
      cell.append(button);
      return cell;
    }));
  }
  for (const cell of head.children) {
    cell.title = about(cell.dataset.metric).help;
    if (cell.dataset.metric === view.sort) cell.setAttribute("aria-sort", (view.sort === "member") !== view.down ? "descending" : "ascending");
    else cell.removeAttribute("aria-sort");
  }
}
