// The wall: draws the snapshots of /events. Each has all windows, so that switching requests only the break-down.

import { askBreaches, drawBreaches } from "./breaches.js";
import { askTable, drawTable } from "./table.js";
import { buildTile, drawTiles, keepLevels } from "./tiles.js";
import { connect, showState } from "./live.js";
import { drawAttention, drawFreshness } from "./attention.js";
import { drawRoi } from "./roi.js";
import { drawSwitches, listen } from "./switches.js";
import { periodName, recall, view } from "./store.js";
import { setText } from "./parts.js";

function draw() {
  drawSwitches();
  for (const element of document.querySelectorAll(".period")) setText(element, periodName(view.window));
  drawTiles(); drawRoi(); drawBreaches(); drawAttention(); drawFreshness(); drawTable();
  askTable();
}

recall();
document.querySelectorAll("[data-tile]").forEach(buildTile);
listen(draw);
connect(() => { keepLevels(); draw(); askBreaches(); });
setInterval(showState, 1000);
