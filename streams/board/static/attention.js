// Warnings that hold, surges, goals and their pace; and the age of the data.

import { $, make, mark, setText } from "./parts.js";
import { board, periodName } from "./store.js";
import { LOCALE, duration, percent, plain, words } from "./numbers.js";

const WARNINGS = {
  csat_below_benchmark: "CSAT of 30 days below the benchmark", roi_negative: "ROI of 30 days is negative",
  roi_falling: "ROI below that of the 30 days before", customer_at_risk: "Customers at risk", surge: "Surge of contacts", goal_off_pace: "A goal is off pace",
};

// Rows of [verdict, text, small text]; the list is drawn again only when it changes.
function drawRows(host, rows) {
  const key = JSON.stringify(rows);
  if (host.dataset.key === key) return;
  host.dataset.key = key;
  host.replaceChildren(...rows.map(([verdict, text, small]) => {
    const item = make("li"), label = make("span", "mark");
    mark(label, verdict, text);
    item.append(label);
    if (small) item.append(make("small", "", small));
    return item;
  }));
}

export function drawAttention() {
  const { warnings, at_risk: risks, surges, goals } = board.data.attention;
  const holding = Object.keys(warnings).filter((name) => warnings[name]);
  const known = Object.values(warnings).filter((holds) => holds !== null).length;
  const why = { surge: surging(surges), customer_at_risk: atRisk(risks) };
  const rows = holding.map((name) => ["missed", WARNINGS[name] || words(name), why[name] || ""]);
  if (!rows.length && known) rows.push(["met", `None of ${known} warnings holds`, ""]);
  if (!known) rows.push(["none", "Too little data to warn of anything yet", ""]);
  const unknown = Object.keys(warnings).length - known;
  if (known && unknown) rows.push(["none", "", `${unknown} cannot be judged yet: ${Object.keys(warnings).filter((n) => warnings[n] === null).map((n) => WARNINGS[n] || words(n)).join("; ")}`]);
  drawRows($("warning-rows"), rows);
  $("goals").hidden = !Object.keys(goals).length;
  drawRows($("goal-rows"), Object.entries(goals).map(([name, goal]) => goalRow(name, goal)));
}

const surging = (surges) => surges.slice(0, 3).map(([dimension, member, times, contacts]) =>
  `${words(dimension)} ${member}: ${plain(times, 1)} times the usual, ${plain(contacts, 0)} in the last hour`).join("; ");

// The findings that show customers at risk, counted separately: a customer can be in several, and a ticket past two
// targets is two waits.
const RISKS = { satisfaction: "unsatisfied at the last answer", contact_frequency: "who wrote again and again" };
function atRisk(risks) {
  const late = risks.filter(([dimension]) => dimension === "target").reduce((sum, [, , waits]) => sum + waits, 0);
  const others = risks.filter(([dimension]) => dimension in RISKS).map(([dimension, , n]) => `${plain(n, 0)} ${RISKS[dimension]}`);
  return [...(late ? [`${plain(late, 0)} waits past a target`] : []), ...others].join("; ");
}

function goalRow(name, { window, progress, off_pace: off }) {
  const verdict = off === null || off === undefined ? "none" : off ? "missed" : "met";
  const pace = { none: "no value yet", missed: "off pace", met: "on pace" }[verdict];
  const way = progress === null || progress === undefined ? "" : progress < 0 ? "further off than at its start, " : `${percent(progress, 0)} of the way, `;
  return [verdict, name, `${way}${pace} · ${periodName(window)}`];
}

export function drawFreshness() {
  const { newest_event: newest, dead_letter_reasons: reasons, dead_letters: dead, events, lag_records: lag } = board.data.health;
  const topics = Object.entries(newest || {}).sort((a, b) => b[1] - a[1]);
  drawPairs($("topics"), topics.map(([topic, at]) => [topic.replace(/^support\./, ""), ago(at), new Date(at).toLocaleString(LOCALE)]));
  const why = Object.entries(reasons || {}).sort((a, b) => b[1] - a[1]).map(([reason, n]) => `${plain(n, 0)} ${words(reason)}`).join(", ");
  mark($("dead"), dead ? "missed" : "met", dead ? `${plain(dead, 0)} dead letters: ${why}` : "No dead letters");
  const parts = [];
  if (events !== null && events !== undefined) parts.push(`${plain(events, 0)} events`);
  if (lag) parts.push(`${plain(lag, 0)} records behind`);
  setText($("counts"), parts.join(" · "));
}

// An event may also lie ahead, as costs are booked for a future period. as_of itself is a few seconds back.
function ago(at) {
  const age = (board.data.as_of - at) / 1000;
  return age < -60 ? `in ${duration(-age)}` : `${age < 60 ? "under 1 min" : duration(age - age % 60)} ago`;
}

function drawPairs(list, rows) {
  while (list.children.length > rows.length) list.lastChild.remove();
  while (list.children.length < rows.length) list.appendChild(make("div")).append(make("dt"), make("dd"));
  rows.forEach(([name, text, title], i) => {
    const [term, said] = list.children[i].children;
    setText(term, name); setText(said, text); said.title = title;
  });
}
