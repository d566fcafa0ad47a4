// The window and dimension switches, the theme, the help, and the keys for all of them.

import { $, make, setText } from "./parts.js";
import { WINDOW_NAMES, board, dimensions, entry, periodName, remember, view, windows } from "./store.js";
import { show, words } from "./numbers.js";

let changed = () => {};  // called when another window or dimension is chosen

export function drawSwitches() {
  if (!windows().includes(view.window)) view.window = windows().includes("24h") ? "24h" : windows()[0] || "24h";
  if (dimensions().length && !dimensions().includes(view.dimension)) view.dimension = dimensions()[0];
  const keyed = (name, i) => periodName(name) + (i < 9 ? ` (key ${i + 1})` : "");
  drawSwitch($("windows"), windows(), (w) => WINDOW_NAMES[w] || w, keyed, view.window, chooseWindow);
  drawSwitch($("dimensions"), dimensions(), words, words, view.dimension, chooseDimension);
}

// A radio group: one tab stop, arrows choose.
function drawSwitch(host, names, label, title, chosen, choose) {
  const key = names.join(",");
  if (host.dataset.names !== key) {
    host.dataset.names = key;
    host.replaceChildren(...names.map((name, i) => {
      const button = make("button", "", label(name));
      button.type = "button"; button.setAttribute("role", "radio"); button.dataset.name = name; button.title = title(name, i);
      button.addEventListener("click", () => choose(name));
      return button;
    }));
  }
  for (const button of host.children) {
    const on = button.dataset.name === chosen;
    button.setAttribute("aria-checked", String(on)); button.tabIndex = on ? 0 : -1;
  }
}

function chooseWindow(name) {
  view.window = name; remember(); changed();
  const [net] = entry("roi_net_ratio", name);
  setText($("live"), `${periodName(name)}: ROI net ${net === null ? "undefined" : show("roi_net_ratio", net)}`);
}
function chooseDimension(name) { view.dimension = name; remember(); changed(); }
const step = (list, current, by) => list[(list.indexOf(current) + by + list.length) % list.length];

function focusChosen(host) {
  const button = host.querySelector('[aria-checked="true"]');
  button.focus(); button.scrollIntoView({ block: "nearest", inline: "nearest" });
}

function onArrow(event, by) {
  const within = (selector) => event.target.closest(selector);
  if (within("#dimensions")) {
    chooseDimension(step(dimensions(), view.dimension, by)); focusChosen($("dimensions"));
  } else if (within("#windows")) {
    chooseWindow(step(windows(), view.window, by)); focusChosen($("windows"));
  } else if (!within(".scroll") && /Left|Right/.test(event.key)) {  // up and down scroll the page
    chooseWindow(step(windows(), view.window, by));
  } else return false;
  return true;
}

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const arrow = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
  if (event.key === "?") toggleHelp();
  else if ($("help").open) return;  // Escape closes it, the rest is the dialog's
  else if (event.key === "t") toggleTheme();
  else if (!board.data) return;
  else if (arrow) { if (!onArrow(event, arrow)) return; }
  else if (/^[1-9]$/.test(event.key) && windows()[event.key - 1]) chooseWindow(windows()[event.key - 1]);
  else if (event.key === "d" && dimensions().length) chooseDimension(step(dimensions(), view.dimension, 1));
  else return;
  event.preventDefault();
}

function toggleHelp() { if ($("help").open) $("help").close(); else $("help").showModal(); }

const darkWanted = matchMedia("(prefers-color-scheme: dark)");
function stored(name, value) {
  try { if (value === undefined) return localStorage.getItem(name); localStorage.setItem(name, value); } catch { /* private mode */ }
  return null;
}
// The theme chosen here, else that of the address, else the system's.
function applyTheme() {
  const requested = new URLSearchParams(location.hash.slice(1)).get("theme");
  const theme = stored("theme") || (requested === "dark" || requested === "light" ? requested : darkWanted.matches ? "dark" : "light");
  document.documentElement.dataset.theme = theme;
  setText($("theme"), theme === "dark" ? "Light" : "Dark");
}
function toggleTheme() { stored("theme", document.documentElement.dataset.theme === "dark" ? "light" : "dark"); applyTheme(); }

export function listen(onChange) {
  changed = onChange;
  document.addEventListener("keydown", onKey);
  $("theme").addEventListener("click", toggleTheme);
  $("help-open").addEventListener("click", toggleHelp);
  darkWanted.addEventListener("change", applyTheme);
  applyTheme();
}
