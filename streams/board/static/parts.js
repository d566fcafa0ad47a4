// Small elements that the wall is built from. All text goes through textContent, none through innerHTML.

export const $ = (id) => document.getElementById(id);
export function make(tag, name, text) {
  const element = document.createElement(tag);
  if (name) element.className = name;
  if (text !== undefined) element.textContent = text;
  return element;
}
export function setText(element, text) { if (element.textContent !== text) element.textContent = text; }

// A verdict is a sign and words; its colour only repeats them.
const SIGNS = { met: "✓", unsure: "≈", missed: "✕", soon: "◷", none: "" };
export function mark(element, verdict, text) {
  setText(element, verdict && SIGNS[verdict] ? `${SIGNS[verdict]} ${text}` : text);
  element.dataset.verdict = verdict || "none";
}

// items: {name, share: 0..1 or null, amount, small, kind}. Reuses existing elements, so that bars move.
export function bars(host, items, nothing) {
  host.classList.toggle("empty", !items.length);
  if (!items.length) { host.replaceChildren(document.createTextNode(nothing)); return; }
  if (host.children.length !== items.length * 3) {
    host.replaceChildren();
    for (let i = 0; i < items.length; i++) {
      const bar = make("div", "bar"); bar.append(make("i")); bar.setAttribute("aria-hidden", "true");
      host.append(make("div", "name"), bar, make("div", "amount"));
    }
  }
  items.forEach(({ name, share, amount, small, kind }, i) => {
    const [label, bar, right] = [0, 1, 2].map((k) => host.children[3 * i + k]);
    setText(label, name); label.title = name;
    bar.className = `bar ${kind || ""}`;
    bar.firstChild.style.width = `${Math.max(0, Math.min(1, share || 0)) * 100}%`;
    bar.firstChild.hidden = !share;
    right.replaceChildren(document.createTextNode(amount));
    if (small) right.append(make("small", "", ` ${small}`));
  });
}

export function sparkline() {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("class", "spark"); svg.setAttribute("viewBox", "0 0 100 30");
  svg.setAttribute("preserveAspectRatio", "none"); svg.setAttribute("role", "img");
  svg.append(document.createElementNS("http://www.w3.org/2000/svg", "path"));
  return svg;
}

// values: numbers or null (a gap), evenly spaced. The span is at least 2 % of the value, so that noise stays flat.
export function drawSparkline(svg, values, description) {
  const known = values.filter((value) => value !== null);
  svg.toggleAttribute("hidden", known.length < 2);
  if (known.length < 2) return;
  const low = Math.min(...known), high = Math.max(...known), middle = (high + low) / 2;
  const span = Math.max(high - low, Math.abs(high) * 0.02, 1e-9);
  let d = "", pen = "M";
  values.forEach((value, i) => {
    if (value === null) { pen = "M"; return; }
    d += `${pen}${(i / (values.length - 1) * 100).toFixed(1)} ${(15 - (value - middle) / span * 26).toFixed(1)}`;
    pen = "L";
  });
  svg.firstChild.setAttribute("d", d);
  svg.setAttribute("aria-label", description);
}
