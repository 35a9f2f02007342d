"use strict";
// Zoom: groups of one name share a scale s and an offset (x, y) in widths and heights of a frame.
const shared = new Map();
for (const group of document.querySelectorAll(".zoom")) {
  const name = group.dataset.zoom;
  if (!shared.has(name)) shared.set(name, { s: 1, x: 0, y: 0, groups: [] });
  const state = shared.get(name);
  state.groups.push(group);
  const views = group.querySelector(".views");
  const pointers = new Map();

  const place = (s, x, y) => {
    state.s = Math.min(Math.max(s, 1), 32);
    state.x = Math.min(Math.max(x, 1 - state.s), 0);
    state.y = Math.min(Math.max(y, 1 - state.s), 0);
    for (const one of state.groups) {
      for (const key of ["s", "x", "y"]) one.style.setProperty("--" + key, state[key]);
      one.classList.toggle("deep", state.s > 1.01);
      // Where pictures are larger than they are, pixels are shown and not made up.
      for (const image of one.querySelectorAll("img")) {
        image.classList.toggle("pixels", state.s * image.clientWidth > 1.01 * image.naturalWidth);
      }
      one.querySelector("output").textContent = Math.round(100 * state.s) + " %";
    }
  };
  state.redraw = () => place(state.s, state.x, state.y);
  // The point (u, v) of the frame stays where it is.
  const zoom = (by, u = 0.5, v = 0.5) => {
    const s = Math.min(Math.max(state.s * by, 1), 32), ratio = s / state.s;
    place(s, u - (u - state.x) * ratio, v - (v - state.y) * ratio);
  };
  const within = (frame, event) => {
    const box = frame.getBoundingClientRect();
    return [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
  };
  for (const button of group.querySelectorAll("[data-by]")) {
    const by = Number(button.dataset.by);
    button.addEventListener("click", () => (by ? zoom(by) : place(1, 0, 0)));
  }
  views.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const keys = {
      "+": () => zoom(1.5), "=": () => zoom(1.5), "-": () => zoom(1 / 1.5), "0": () => place(1, 0, 0),
      ArrowLeft: () => place(state.s, state.x + 0.1, state.y), ArrowRight: () => place(state.s, state.x - 0.1, state.y),
      ArrowUp: () => place(state.s, state.x, state.y + 0.1), ArrowDown: () => place(state.s, state.x, state.y - 0.1),
      Escape: () => views.blur(),
    };
    // Where all is shown, arrows scroll the page as ever.
    if (!keys[event.key] || (event.key.startsWith("Arrow") && state.s === 1)) return;
    event.preventDefault();
    keys[event.key]();
  });
  for (const frame of views.querySelectorAll(".frame")) {
    // Without a click before, the wheel scrolls the page: nobody is caught in a picture.
    frame.addEventListener("wheel", (event) => {
      if (!event.ctrlKey && !views.contains(document.activeElement)) return;
      event.preventDefault();
      zoom(Math.exp(-event.deltaY / (event.deltaMode ? 12 : 300)), ...within(frame, event));
    }, { passive: false });
    frame.addEventListener("pointerdown", (event) => {
      views.focus({ preventScroll: true });
      if (event.button > 0) return;
      pointers.set(event.pointerId, within(frame, event));
      frame.setPointerCapture(event.pointerId);
      group.classList.add("moving");
    });
    frame.addEventListener("pointermove", (event) => {
      const before = pointers.get(event.pointerId);
      if (!before) return;
      const now = within(frame, event);
      const other = [...pointers].find(([id]) => id !== event.pointerId);
      if (other) {
        const [u, v] = other[1];
        const far = (p) => Math.hypot(p[0] - u, p[1] - v);
        if (far(before) > 0.01) zoom(far(now) / far(before), u, v);
      } else {
        place(state.s, state.x + now[0] - before[0], state.y + now[1] - before[1]);
      }
      pointers.set(event.pointerId, now);
    });
    for (const end of ["pointerup", "pointercancel", "lostpointercapture"]) {
      frame.addEventListener(end, (event) => {
        pointers.delete(event.pointerId);
        if (!pointers.size) group.classList.remove("moving");
      });
    }
    frame.addEventListener("dblclick", (event) => zoom(2, ...within(frame, event)));
  }
}

const redraw = () => shared.forEach((state) => state.redraw());
window.addEventListener("load", redraw);
window.addEventListener("resize", redraw);

for (const slider of document.querySelectorAll(".slider")) {
  const input = slider.querySelector("input");
  const show = () => slider.querySelector(".pair").style.setProperty("--at", input.value + "%");
  input.addEventListener("input", show);
  show();
}

// Tables whose headings are buttons are sorted by them; a cell's figure is its data-value.
for (const table of document.querySelectorAll("table.sortable")) {
  const headings = [...table.tHead.rows[0].cells];
  headings.forEach((heading, column) => {
    const button = heading.querySelector("button");
    if (!button) return;
    button.addEventListener("click", () => {
      const first = heading.dataset.first || "descending";
      const other = first === "descending" ? "ascending" : "descending";
      const order = heading.getAttribute("aria-sort") === first ? other : first;
      for (const one of headings) one.removeAttribute("aria-sort");
      heading.setAttribute("aria-sort", order);
      const value = (row) => row.cells[column].dataset.value ?? row.cells[column].textContent.trim();
      const missing = (x) => x === "" || x === "–";
      const rows = [...table.tBodies[0].rows].sort((a, b) => {
        const [p, q] = [value(a), value(b)];
        if (missing(p) || missing(q)) return missing(p) - missing(q);
        const difference = isNaN(p) || isNaN(q) ? p.localeCompare(q) : p - q;
        return order === "descending" ? -difference : difference;
      });
      table.tBodies[0].append(...rows);
    });
  });
}
