// The event stream and its state on the page: loading, live, stale, lost; when live, also how far the workers are with
// the inputs (inputs.state). The browser reconnects by itself.

import { $, setText } from "./parts.js";
import { board } from "./store.js";
import { LOCALE, plain } from "./numbers.js";

let heard = 0, shownAt = 0;   // when anything, and when a snapshot, last arrived (performance.now)
let ageThen = 0;              // how old that snapshot was when it arrived, seconds
let limits = { stale: 30, every: 5 };
let broken = false, waiting = false, mostLag = 0;

const seconds = (since) => (performance.now() - since) / 1000;

export function connect(onSnapshot) {
  const source = new EventSource("/events");
  const hear = (name, then) => source.addEventListener(name, (event) => {
    heard = performance.now(); broken = false;
    then(JSON.parse(event.data));
    showState();
  });
  hear("snapshot", (snapshot) => { waiting = false; board.data = snapshot; shownAt = heard; ageThen = 0; onSnapshot(); });
  hear("waiting", (health) => { waiting = true; progress(health); });
  hear("beat", (beat) => {
    limits = beat;
    if (beat.age !== null) { ageThen = beat.age; shownAt = heard; }
    else if (!board.data) setText($("loading-title"), "Waiting for the first values …");
  });
  source.addEventListener("error", () => {
    broken = true; showState();
    if (source.readyState === EventSource.CLOSED) setTimeout(connect, 2000, onSnapshot);  // it gives up after a 503; we do not
  });
}

function state() {
  if (!board.data) return "loading";
  const silent = heard ? seconds(heard) : 0;
  if (broken || silent > 2.5 * limits.every + 2) return "lost";
  if (waiting || ageThen + seconds(shownAt) > limits.stale) return "stale";
  return board.data.health.inputs.state;
}

const STATES = {
  loading: "connecting", lost: "✕ connection lost", stale: "✕ not up to date", live: "live, as of", empty: "no events yet",
  catching_up: "◷ catching up", stalled: "✕ events wait", cut_off: "✕ no answer from Kafka",
};

export function showState() {
  const now = state(), { data } = board, banner = $("banner"), was = banner.hidden;
  document.body.dataset.state = now;
  $("loading").hidden = Boolean(data); $("main").hidden = !data;
  setText($("state"), STATES[now]);
  banner.hidden = now === "live" || now === "loading";
  if (!banner.hidden) setText($("banner-text"), trouble(now, new Date(data.as_of).toLocaleTimeString(LOCALE)));
  else if (!was) setText($("live"), "Up to date again.");
  if (!data && broken) { setText($("loading-title"), "No connection. Trying again …"); $("progress").removeAttribute("value"); }
  if (data) {
    const time = $("as-of"), date = new Date(data.as_of);
    time.dateTime = date.toISOString(); setText(time, date.toLocaleTimeString(LOCALE)); time.title = date.toLocaleString(LOCALE);
    time.hidden = now !== "live";  // else the banner names the time of the values
  }
}

function trouble(now, at) {
  const { newest_event: newest, inputs: { waiting_records: left } } = board.data.health;
  if (now === "lost") return `Connection lost. These are the values of ${at}; trying again …`;
  if (now === "empty") return "No events yet. `support-roi send` sends event files, `support-roi simulate` a desk that does not exist.";
  if (now === "stalled") return `${counted(left)}, and no worker takes them: these are values without them. Is a worker running?`;
  if (now === "cut_off") return "Kafka does not answer: nothing new can come. Trying again …";
  if (now === "catching_up") return `History is still coming in${upTo(newest)}${left ? `; ${counted(left)}` : ""}. Until it is in, these are not the values of now.`;
  if (waiting) return `The board is reading history again. These are the values of ${at}.`;
  return `No new values since ${at}. The board answers, but its evaluation stands still.`;
}

const counted = (left) => `${plain(left, 0)} event${left === 1 ? " waits" : "s wait"}`;
// The newest event, if there is one.
function upTo(newest) {
  const at = Math.max(0, ...Object.values(newest || {}));
  return at ? `, now at ${new Date(at).toLocaleString(LOCALE)}` : "";
}

function progress(health) {
  mostLag = Math.max(mostLag, health.lag_records || 0);
  setText($("loading-title"), "Replaying history …");
  if (mostLag) { $("progress").max = mostLag; $("progress").value = mostLag - health.lag_records; }
  setText($("loading-text"), `${plain(health.lag_records || 0, 0)} records to read${upTo(health.newest_event)}. Values appear once all have been read: half of them would give wrong numbers.`);
}
