/** Small helpers for the page's elements. */

export const byId = (id) => document.getElementById(id);

/** A new element. Properties are set as they are; "class" and "aria-…" and "data-…" as attributes. */
export function element(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name === "class" || name.includes("-") || name === "role") made.setAttribute(name, value);
    else made[name] = value;
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

/** Sets a text where it has changed: an unchanged live region stays silent. */
export function text(id, value) {
  const found = byId(id);
  if (found.textContent !== value) found.textContent = value;
}

export function show(id, shown) {
  byId(id).hidden = !shown;
}

const known = new Map();

/** Calls `build` where `value` differs from that of the last call with this key: what has the focus keeps it. */
export function whenChanged(key, value, build) {
  const now = JSON.stringify(value);
  if (known.get(key) === now) return;
  known.set(key, now);
  build();
}

/** Sets a control's value, unless a person is at it. */
export function setValue(id, value) {
  const found = byId(id);
  if (document.activeElement === found && found.matches("input[type=number]")) return;
  if (found.type === "checkbox") found.checked = value;
  else if (found.value !== String(value)) found.value = value;
}

/** Fills a select with [value, words] pairs, where they have changed. */
export function options(id, pairs, chosen) {
  const all = pairs.some(([value]) => value === chosen) ? pairs : [...pairs, [chosen, chosen]];
  whenChanged(`options-${id}`, all, () => {
    byId(id).replaceChildren(...all.map(([value, words]) => element("option", { value, textContent: words })));
  });
  setValue(id, chosen);
}

/** What is wrong, with its cure and the command for it. */
export function problemBox(problem) {
  const box = element("div", { class: "problem" }, element("p", {}, element("strong", { textContent: problem.text })));
  if (problem.cure) box.append(element("p", { textContent: problem.cure }));
  if (problem.command) {
    const copy = element("button", { type: "button", class: "quiet", textContent: "Copy", "aria-label": `Copy: ${problem.command}` });
    copy.addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText(problem.command);
        copy.textContent = "Copied";
      } catch {
        copy.textContent = "Not allowed";
      }
    });
    box.append(element("div", { class: "command" }, element("code", { textContent: problem.command }), copy));
  }
  return box;
}

/** "about 3 min", "about 20 s". */
export function duration(seconds) {
  if (seconds >= 90) return `about ${Math.round(seconds / 60)} min`;
  return `about ${Math.max(5, Math.round(seconds / 5) * 5)} s`;
}

const sayAgainMs = 3000;
let saidAt = 0;

/** Tells a screen reader what has changed; `often` marks what changes all the time, of which little is told. */
export function say(sentence, often = false) {
  if (often && performance.now() - saidAt < sayAgainMs) return;
  if (byId("say").textContent === sentence) return;
  saidAt = performance.now();
  text("say", sentence);
}
