// The waits past their target and due soon, the worst target first, and the newest breaches: /api/breaches, requested once a
// snapshot.

import { $, make, mark, setText } from "./parts.js";
import { board, view } from "./store.js";
import { LOCALE, percent, plain, samples } from "./numbers.js";

const RECENT = 3;
let list = null, asking = false, listOf = "";

export async function askBreaches() {
  if (asking || !board.data || listOf === board.data.id) return;
  asking = true;
  const wanted = board.data.id;
  try {
    const answer = await fetch("/api/breaches", { signal: AbortSignal.timeout(10000) });
    if (answer.ok) { list = await answer.json(); listOf = wanted; drawBreaches(); }
  } catch { /* the stream notices a lost connection, and the next snapshot asks again */ }
  asking = false;
}

export function drawBreaches() {
  if (!list) return;
  const { open_breached: late, due_soon: soon, targets, recent } = list;
  mark($("late"), late ? "missed" : "met", late ? `${plain(late, 0)} past target` : "none past target");
  mark($("soon"), soon > 0 ? "soon" : "none", soon ? `${plain(soon, 0)} due soon` : "");
  const body = $("breach-body");
  while (body.children.length > targets.length) body.lastChild.remove();
  targets.forEach((target, i) => drawRow(body.children[i] || body.appendChild(newRow()), target));
  setText($("breach-note"), targets.length ? "" : "No service level is configured.");
  $("breach-table").hidden = !targets.length;
  drawRecent(recent || []);
}

function drawRecent(recent) {
  const lines = recent.slice(0, RECENT).map((breach) => {
    const at = new Date(breach.deadline), labels = [breach.channel, breach.priority].filter(Boolean).join(", ");
    const today = at.toDateString() === new Date(board.data.as_of).toDateString();
    const when = today ? at.toLocaleTimeString(LOCALE, { timeStyle: "short" }) : at.toLocaleString(LOCALE, { dateStyle: "short", timeStyle: "short" });
    return [when, breach.target, breach.ticket_id + (labels ? ` (${labels})` : "")].join(" · ");
  });
  const host = $("recent");
  if (host.textContent !== lines.join("")) host.replaceChildren(...lines.map((line) => make("li", "", line)));
  $("recent-title").hidden = !lines.length;
}

function newRow() {
  const row = make("tr"), name = make("th");
  name.scope = "row";
  row.append(name, make("td", "number"), make("td", "number"), make("td", "kept"));
  row.lastChild.append(make("span", "mark"), make("small"));
  return row;
}

function drawRow(row, { target, open_breached: late, due_soon: soon, attained }) {
  const [name, lateCell, soonCell, kept] = row.children, found = attained[view.window];
  setText(name, target); name.title = target;
  mark(lateCell, late > 0 ? "missed" : "none", plain(late, 0));
  mark(soonCell, soon > 0 ? "soon" : "none", plain(soon, 0));
  const known = found && found.value !== null;
  mark(kept.firstChild, found && found.verdict, known ? percent(found.value) : "–");
  setText(kept.lastChild, known ? ` ${samples(found.count)}` : " no samples");
}
