"use strict";
// The wall: draws what /events says. Every text from outside goes through textContent, nothing through innerHTML.
// All windows come with each snapshot, so switching asks nothing; only the table below is fetched when needed.

const TABLE = ["tickets_created", "first_response_p50_seconds", "full_resolution_p50_seconds", "reopen_ratio",
  "csat_ratio", "fcr_one_session_ratio", "benefit_total", "service_cost", "roi_net_ratio"];
const TABLE_NAMES = ["Tickets", "First response", "Resolution", "Reopened", "CSAT", "First contact", "Benefit", "Cost", "ROI, net"];
const DIMENSIONS = ["channel", "issue_type", "priority", "agent"];
const WINDOW_NAMES = { "5m": "5 min", "1h": "1 h", "24h": "24 h", "7d": "7 d", "30d": "30 d", "90d": "90 d", "365d": "365 d",
  day: "day", week: "week", month: "month", quarter: "quarter", year: "year" };
const PERIOD_NAMES = { "5m": "last 5 minutes", "1h": "last hour", "24h": "last 24 hours", "7d": "last 7 days", "30d": "last 30 days",
  "90d": "last 90 days", "365d": "last 365 days", day: "today so far", week: "this week so far", month: "this month so far",
  quarter: "this quarter so far", year: "this year so far" };
const HISTORY = 180, ROWS = 12, CLASSES = 6, LOCALE = navigator.language || "en";
const $ = (id) => document.getElementById(id);

const view = { window: "24h", dimension: "channel", sort: "tickets_created", down: true };
let data = null;              // the newest snapshot
let rows = null;              // the table's records, with the snapshot and selection they belong to
let heard = 0, shownAt = 0;   // when anything, and when a snapshot, last arrived (performance.now)
let ageThen = 0;              // how old that snapshot was when it arrived, seconds
let limits = { stale: 30, every: 5 };
let broken = false, waiting = false, mostLag = 0;
const history = new Map();    // window|metric -> [[as_of, value], ...]

// ---- numbers ---------------------------------------------------------------------------------------------

const formats = new Map();
function number(options) {
  const key = JSON.stringify(options);
  if (!formats.has(key)) formats.set(key, new Intl.NumberFormat(LOCALE, options));
  return formats.get(key);
}
const plain = (value, digits) => number({ minimumFractionDigits: digits, maximumFractionDigits: digits }).format(value);
const percent = (value, digits = 1) => number({ style: "percent", minimumFractionDigits: digits, maximumFractionDigits: digits }).format(value);

function money(value, unit, exact) {
  const found = /^([A-Za-z]{3})_minor$/.exec(unit || "");
  if (!found) return plain(value, 0);
  const currency = found[1].toUpperCase();
  const digits = number({ style: "currency", currency }).resolvedOptions().maximumFractionDigits;
  const major = value / 10 ** digits;
  if (exact) return number({ style: "currency", currency }).format(major);
  if (Math.abs(major) >= 1e6) return number({ style: "currency", currency, notation: "compact", maximumSignificantDigits: 4 }).format(major);
  return number({ style: "currency", currency, maximumFractionDigits: Math.abs(major) < 1000 ? digits : 0,
    minimumFractionDigits: Math.abs(major) < 1000 ? digits : 0 }).format(major);
}

function duration(seconds) {
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

const isMultiple = (metric) => /^roi_.*_ratio$/.test(metric);
function show(metric, value, kind, unit, exact) {
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
const about = (metric) => (data && data.metrics[metric]) || { kind: "count", unit: "", help: "" };
const entry = (metric, window) => (((data && data.values[window]) || {})[metric]) || [null, 0, null, null];

// ---- small drawing helpers -------------------------------------------------------------------------------

function make(tag, name, text) {
  const element = document.createElement(tag);
  if (name) element.className = name;
  if (text !== undefined) element.textContent = text;
  return element;
}
function setText(element, text) { if (element.textContent !== text) element.textContent = text; }

function spark(svg, points) {
  const path = svg.firstChild;
  const known = points.filter((p) => p[1] !== null);
  if (known.length < 2) { path.setAttribute("d", ""); return; }
  const low = Math.min(...known.map((p) => p[1])), high = Math.max(...known.map((p) => p[1]));
  // A span of at least 2 % of the value: noise is not to look like news.
  const span = Math.max(high - low, Math.abs(high) * 0.02, 1e-9), middle = (high + low) / 2;
  const from = points[0][0], length = Math.max(points[points.length - 1][0] - from, 1);
  let d = "", pen = "M";
  for (const [at, value] of points) {
    if (value === null) { pen = "M"; continue; }
    d += `${pen}${((at - from) / length * 100).toFixed(1)} ${(15 - (value - middle) / span * 26).toFixed(1)}`;
    pen = "L";
  }
  path.setAttribute("d", d);
}

// ---- tiles -----------------------------------------------------------------------------------------------

const tiles = [];
function buildTile(host) {
  const label = make("div", "tile-label", host.dataset.label), line = make("div", "tile-line");
  const value = make("div", "tile-value"), sub = make("div", "tile-sub");
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("class", "spark"); svg.setAttribute("viewBox", "0 0 100 30");
  svg.setAttribute("preserveAspectRatio", "none"); svg.setAttribute("aria-hidden", "true");
  svg.append(document.createElementNS("http://www.w3.org/2000/svg", "path"));
  line.append(value, svg);
  host.append(label, line);
  let range = null;
  if (host.dataset.range) {
    range = make("div", "range"); range.setAttribute("aria-hidden", "true");
    range.append(make("i"), make("b")); host.append(range);
  }
  host.append(sub);
  host.setAttribute("role", "group"); host.setAttribute("aria-label", host.dataset.label);
  tiles.push({ host, metric: host.dataset.tile, now: "now" in host.dataset, value, sub, svg, range });
}

function drawTile(tile) {
  const { host, metric } = tile, window = tile.now ? "now" : view.window;
  host.hidden = !(metric in data.metrics);  // not in this board's catalogue: "undefined" would be untrue
  const [value, count, low, high] = entry(metric, window), { kind, unit, help } = about(metric);
  setText(tile.value, show(metric, value, kind, unit));
  if (isMultiple(metric) && value !== null) tile.value.append(make("small", "", percent(value, 0)));
  host.toggleAttribute("data-undefined", value === null);
  host.title = value === null ? `Undefined: nothing to divide by in this window. ${help}` : `${help}\n${show(metric, value, kind, unit, true)}`;
  setText(tile.sub, subtitle(host, kind, window, [value, count, low, high], metric, unit));
  spark(tile.svg, history.get(`${window}|${metric}`) || []);
  if (tile.range) drawRange(tile, value, low, high);
}

function subtitle(host, kind, window, [value, count, low, high], metric, unit) {
  const parts = [];
  if (host.dataset.with in data.metrics) {
    const other = host.dataset.with, [v] = entry(other, window), a = about(other);
    parts.push(a.kind === "count" ? `${show(other, v, a.kind, a.unit)} ${host.dataset.withLabel}` : `${host.dataset.withLabel} ${show(other, v, a.kind, a.unit)}`);
  }
  if (low !== null && high !== null) parts.push(`${show(metric, low, kind, unit)} to ${show(metric, high, kind, unit)}`);
  if (value === null) parts.push("no samples");
  else if (kind !== "count" && kind !== "money" && window !== "now" && !isMultiple(metric)) parts.push(`n\u00a0=\u00a0${plain(count, 0)}`);
  return parts.join(" · ");
}

function drawRange(tile, value, low, high) {
  const [from, to] = tile.host.dataset.range.split(" ").map(Number);
  const place = (x) => `${Math.min(100, Math.max(0, (x - from) / (to - from) * 100))}%`;
  const [bar, mark] = tile.range.children;
  bar.hidden = low === null || high === null; mark.hidden = value === null;
  if (!bar.hidden) { bar.style.left = place(low); bar.style.right = `calc(100% - ${place(high)})`; }
  if (!mark.hidden) mark.style.left = place(value);
}

// ---- bars ------------------------------------------------------------------------------------------------

// items: [name, share 0..1 or null, amount, small text, class]
function bars(host, items, nothing) {
  host.classList.toggle("empty", !items.length);
  if (!items.length) { host.replaceChildren(document.createTextNode(nothing)); return; }
  if (host.children.length !== items.length * 3) {
    host.replaceChildren();
    for (let i = 0; i < items.length; i++) {
      const bar = make("div", "bar"); bar.append(make("i")); bar.setAttribute("aria-hidden", "true");
      host.append(make("div", "name"), bar, make("div", "amount"));
    }
  }
  items.forEach(([name, share, amount, small, kind], i) => {
    const label = host.children[3 * i], bar = host.children[3 * i + 1], right = host.children[3 * i + 2];
    setText(label, name); label.title = name;
    bar.className = `bar ${kind || ""}`;
    bar.firstChild.style.width = `${Math.max(0, Math.min(1, share || 0)) * 100}%`;
    bar.firstChild.hidden = !share;
    right.replaceChildren(document.createTextNode(amount));
    if (small) right.append(make("small", "", ` ${small}`));
  });
}

const words = (name) => name.replaceAll("_", " ");

function drawRoi() {
  const w = view.window, [net] = entry("roi_net_ratio", w);
  const [benefit] = entry("benefit_total", w), [cost] = entry("service_cost", w), unit = about("benefit_total").unit;
  const one = money(100, unit === "" ? about("service_cost").unit : unit, true);
  setText($("sentence"), net === null ? "No cost is known for this window, so there is no return to state."
    : net >= 0 ? `Each ${one} of service came back, and ${money(net * 100, unit, true)} with it.`
      : `Of each ${one} of service ${money((net + 1) * 100, unit, true)} came back.`);
  const most = Math.max(Math.abs(benefit || 0), Math.abs(cost || 0), 1);
  const rowsOf = [];
  if (benefit !== null) rowsOf.push(["Benefit", benefit / most, money(benefit, unit)]);
  if (cost !== null) rowsOf.push(["Cost", cost / most, money(cost, unit), "", "cost"]);
  if (benefit !== null && cost !== null) {
    rowsOf.push(benefit >= cost ? ["Net gain", (benefit - cost) / most, money(benefit - cost, unit)]
      : ["Net loss", (cost - benefit) / most, money(benefit - cost, unit), "", "cost"]);
  }
  bars($("balance"), rowsOf, "No benefit or cost in this window.");
  const [mature] = entry("maturity_ratio", w), [estimated] = entry("cost_estimated_ratio", w), notes = [];
  if (mature !== null) notes.push(`${percent(mature, 0)} of the window is past refunds and late credit`);
  if (estimated) notes.push(`${percent(estimated, 0)} of the cost is estimated`);
  setText($("maturity"), notes.join(" · "));
  const classes = ((data.groups[w] || {}).benefit || []).filter((c) => c[1]).sort((a, b) => b[1] - a[1]);
  const top = Math.max(...classes.map((c) => Math.abs(c[1])), 1), sum = classes.reduce((s, c) => s + c[1], 0);
  if (classes.length > CLASSES) {  // the smallest together, so that the bars still sum to the benefit
    const small = classes.splice(CLASSES - 1);
    classes.push([`${small.length} smaller ones`, small.reduce((s, c) => s + c[1], 0)]);
  }
  bars($("class-bars"), classes.map(([name, value]) => [words(name), value / top, money(value, unit), sum > 0 ? percent(value / sum, 0) : ""]),
    "No benefit in this window.");
}

function drawTargets() {
  const targets = ((data.groups[view.window] || {}).sla_attained_ratio || []).slice().sort((a, b) => a[0].localeCompare(b[0]));
  bars($("target-bars"), targets.map(([name, value, count]) => [words(name), value, value === null ? "–" : percent(value), value === null ? "no samples" : `n\u00a0=\u00a0${plain(count, 0)}`]),
    "No service level is configured.");
}

// ---- the table -------------------------------------------------------------------------------------------

let asking = null;
async function ask() {
  if (!data) return;
  const wanted = `${data.id}|${view.window}|${view.dimension}`;
  if (asking || (rows && rows.of === wanted)) return;
  const query = new URLSearchParams([["window", view.window], ["dimension", view.dimension], ...TABLE.filter((m) => m in data.metrics).map((m) => ["metric", m])]);
  const [window, dimension, start] = [view.window, view.dimension, (data.periods || {})[view.window] || null];
  asking = wanted;
  try {
    const answer = await fetch(`/api/metrics?${query}`, { signal: AbortSignal.timeout(10000) });
    if (answer.status === 400) rows = { of: wanted, window, dimension, list: [] };
    if (answer.ok) rows = { of: wanted, window, dimension, list: (await answer.json()).filter((r) => r.period_start === start) };
  } catch { /* the stream notices a lost connection, and the next snapshot asks again */ }
  asking = null;
  if (rows && rows.of === wanted) drawTable();
  if (view.window !== window || view.dimension !== dimension) ask();
}

function drawTable() {
  setText($("detail-name"), words(view.dimension));
  if (!rows || rows.window !== view.window || rows.dimension !== view.dimension) return;
  const members = new Map();
  for (const r of rows.list) {
    if (!members.has(r.member)) members.set(r.member, new Map());
    members.get(r.member).set(r.metric, r);
  }
  const shownMetrics = TABLE.filter((m) => rows.list.some((r) => r.metric === m));
  const value = (m) => { const r = m[1].get(view.sort); return r && r.value !== null ? r.value : -Infinity; };
  const tickets = (m) => (m[1].get("tickets_created") || { value: 0 }).value;
  const most = [...members].sort((a, b) => tickets(b) - tickets(a) || (a[0] < b[0] ? -1 : 1)).slice(0, ROWS);
  most.sort((a, b) => view.sort === "member" ? a[0].localeCompare(b[0]) : value(b) - value(a) || a[0].localeCompare(b[0]));
  if (!view.down) most.reverse();
  drawHead(shownMetrics);
  const body = $("table-body");
  while (body.children.length > most.length) body.lastChild.remove();
  most.forEach(([member, cells], i) => {
    const line = body.children[i] || body.appendChild(make("tr"));
    const texts = shownMetrics.map((m) => cells.get(m));
    while (line.children.length > texts.length + 1) line.lastChild.remove();
    while (line.children.length < texts.length + 1) line.append(make(line.children.length ? "td" : "th"));
    line.firstChild.scope = "row";
    setText(line.firstChild, member); line.firstChild.title = member;
    texts.forEach((r, k) => {
      const cell = line.children[k + 1], missing = !r || r.value === null;
      setText(cell, missing ? "–" : show(r.metric, r.value, about(r.metric).kind, r.unit));
      cell.className = missing ? "none" : "";
      cell.title = missing ? "Undefined: no samples" : `n\u00a0=\u00a0${plain(r.count, 0)}` + (r.low !== null && r.high !== null ? `, 95 % interval ${show(r.metric, r.low, about(r.metric).kind, r.unit)} to ${show(r.metric, r.high, about(r.metric).kind, r.unit)}` : "");
    });
  });
  setText($("table-note"), members.size === 0 ? "Nothing in this window." : members.size > ROWS ? `The ${ROWS} with the most tickets of ${members.size}.` : "");
}

function drawHead(metrics) {
  const head = $("table-head"), wanted = ["member", ...metrics], key = wanted.join(",");
  if (head.dataset.columns !== key) {
    head.dataset.columns = key;
    head.replaceChildren(...wanted.map((m) => {
      const cell = make("th"), button = make("button", "", m === "member" ? "Name" : TABLE_NAMES[TABLE.indexOf(m)]);
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

// ---- switches, keys, theme -------------------------------------------------------------------------------

function buildSwitch(host, names, title, chosen, choose) {
  const key = names.join(",");
  if (host.dataset.names !== key) {
    host.dataset.names = key;
    host.replaceChildren(...names.map((name, i) => {
      const button = make("button", "", title(name));
      button.type = "button"; button.setAttribute("role", "radio"); button.dataset.name = name;
      if (host.id === "windows" && i < 9) button.title = `${PERIOD_NAMES[name] || name} (key ${i + 1})`;
      button.addEventListener("click", () => choose(name));
      return button;
    }));
  }
  for (const button of host.children) {
    const on = button.dataset.name === chosen;
    button.setAttribute("aria-checked", String(on)); button.tabIndex = on ? 0 : -1;
  }
}
const windows = () => Object.keys(WINDOW_NAMES).filter((w) => data && data.values[w])
  .concat(data ? Object.keys(data.values).filter((w) => w !== "now" && !(w in WINDOW_NAMES)) : []);
const dimensions = () => DIMENSIONS.filter((d) => data && data.dimensions.includes(d));

function chooseWindow(name) {
  view.window = name; remember(); draw(); ask();
  const [net] = entry("roi_net_ratio", name);
  setText($("live"), `${PERIOD_NAMES[name] || name}: ROI net ${net === null ? "undefined" : show("roi_net_ratio", net)}`);
}
function chooseDimension(name) { view.dimension = name; remember(); draw(); ask(); }
function remember() {
  const hash = new URLSearchParams(location.hash.slice(1));
  hash.set("window", view.window); hash.set("dimension", view.dimension);
  window.history.replaceState(null, "", `#${hash}`);
}
function step(list, current, by) { return list[(list.indexOf(current) + by + list.length) % list.length]; }

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || !data) return;
  const inTable = event.target.closest(".scroll"), inDimensions = event.target.closest("#dimensions");
  const arrow = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
  const focusChosen = (host) => { const b = host.querySelector('[aria-checked="true"]'); b.focus(); b.scrollIntoView({ block: "nearest", inline: "nearest" }); };
  if (arrow && inDimensions) { chooseDimension(step(dimensions(), view.dimension, arrow)); focusChosen($("dimensions")); }
  else if (arrow && !inTable && (event.target.closest("#windows") || event.key === "ArrowLeft" || event.key === "ArrowRight")) {
    chooseWindow(step(windows(), view.window, arrow));
    if (event.target.closest("#windows")) focusChosen($("windows"));
  } else if (/^[1-9]$/.test(event.key) && windows()[event.key - 1]) chooseWindow(windows()[event.key - 1]);
  else if (event.key === "d" && dimensions().length) chooseDimension(step(dimensions(), view.dimension, 1));
  else if (event.key === "t") toggleTheme();
  else return;
  event.preventDefault();
});

const darkWanted = matchMedia("(prefers-color-scheme: dark)");
function stored(name, value) {
  try { if (value === undefined) return localStorage.getItem(name); localStorage.setItem(name, value); } catch { /* private mode */ }
  return null;
}
function applyTheme() {
  const asked = new URLSearchParams(location.hash.slice(1)).get("theme");
  const theme = stored("theme") || (asked === "dark" || asked === "light" ? asked : darkWanted.matches ? "dark" : "light");
  document.documentElement.dataset.theme = theme;
  setText($("theme"), theme === "dark" ? "Light" : "Dark");
}
function toggleTheme() { stored("theme", document.documentElement.dataset.theme === "dark" ? "light" : "dark"); applyTheme(); }

// ---- state: loading, live, stale, lost -------------------------------------------------------------------

const seconds = (since) => (performance.now() - since) / 1000;
function state() {
  const silent = heard ? seconds(heard) : 0, lost = broken || silent > 2.5 * limits.every + 2;
  const age = ageThen + (shownAt ? seconds(shownAt) : 0);
  const now = !data ? "loading" : lost ? "lost" : waiting || age > limits.stale ? "stale" : "live";
  document.body.dataset.state = now;
  $("loading").hidden = Boolean(data); $("main").hidden = !data;
  setText($("state"), { loading: "connecting", lost: "connection lost", stale: "not up to date", live: "live, as of" }[now]);
  const banner = $("banner"), was = banner.hidden;
  banner.hidden = now === "live" || now === "loading";
  if (!banner.hidden) {
    const at = new Date(data.as_of).toLocaleTimeString(LOCALE);
    setText($("banner-text"), now === "lost" ? `Connection lost. These are the values of ${at}; trying again …`
      : waiting ? `The board is reading history again. These are the values of ${at}.`
        : `No new values since ${at}. The board answers, but its evaluation stands still.`);
  } else if (!was) setText($("live"), "Up to date again.");
  if (!data && broken) { setText($("loading-title"), "No connection. Trying again …"); $("progress").removeAttribute("value"); }
  if (data) {
    const time = $("as-of"), date = new Date(data.as_of);
    time.dateTime = date.toISOString(); setText(time, date.toLocaleTimeString(LOCALE)); time.title = date.toLocaleString(LOCALE);
  }
}

function progress(health) {
  mostLag = Math.max(mostLag, health.lag_records || 0);
  setText($("loading-title"), "Replaying history …");
  if (mostLag) { $("progress").max = mostLag; $("progress").value = mostLag - health.lag_records; }
  const newest = Math.max(0, ...Object.values(health.newest_event || {}));
  const upTo = newest ? `, now at ${new Date(newest).toLocaleString(LOCALE)}` : "";
  setText($("loading-text"), `${plain(health.lag_records || 0, 0)} records to read${upTo}. Values appear once all have been read: half of them would give wrong numbers.`);
}

function keep(snapshot) {
  for (const [window, metrics] of Object.entries(snapshot.values)) {
    for (const [metric, [value]] of Object.entries(metrics)) {
      const key = `${window}|${metric}`;
      if (!history.has(key)) history.set(key, []);
      const points = history.get(key);
      if (points.length && points[points.length - 1][0] >= snapshot.as_of) continue;
      points.push([snapshot.as_of, value]);
      if (points.length > HISTORY) points.shift();
    }
  }
}

function draw() {
  if (!data) return;
  if (!windows().includes(view.window)) view.window = windows().includes("24h") ? "24h" : windows()[0] || "24h";
  if (dimensions().length && !dimensions().includes(view.dimension)) view.dimension = dimensions()[0];
  buildSwitch($("windows"), windows(), (w) => WINDOW_NAMES[w] || w, view.window, chooseWindow);
  buildSwitch($("dimensions"), dimensions(), words, view.dimension, chooseDimension);
  for (const element of document.querySelectorAll(".period")) setText(element, PERIOD_NAMES[view.window] || view.window);
  tiles.forEach(drawTile);
  drawRoi(); drawTargets(); drawTable();
}

let source = null;
function connect() {
  source = new EventSource("/events");
  const alive = () => { heard = performance.now(); broken = false; };
  source.addEventListener("snapshot", (event) => {
    alive(); waiting = false; data = JSON.parse(event.data); shownAt = heard; ageThen = 0;
    keep(data); draw(); ask(); state();
  });
  source.addEventListener("waiting", (event) => { alive(); waiting = true; progress(JSON.parse(event.data)); state(); });
  source.addEventListener("beat", (event) => {
    alive();
    const beat = JSON.parse(event.data);
    limits = beat;
    if (beat.age === null) { if (!data) setText($("loading-title"), "Waiting for the first values …"); }
    else { ageThen = beat.age; shownAt = heard; }
    state();
  });
  source.addEventListener("error", () => {
    broken = true; state();
    if (source.readyState === EventSource.CLOSED) setTimeout(connect, 2000);  // it gives up after a 503; we do not
  });
}

const hash = new URLSearchParams(location.hash.slice(1));
view.window = hash.get("window") || view.window;
view.dimension = hash.get("dimension") || view.dimension;
document.querySelectorAll("[data-tile]").forEach(buildTile);
$("theme").addEventListener("click", toggleTheme);
darkWanted.addEventListener("change", applyTheme);
applyTheme();
connect();
setInterval(state, 1000);
