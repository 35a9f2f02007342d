/** rtdenoise's page: what the app tells is shown, what a person does is told to the app. */

import { connect } from "./connection.js";
import { byId, element, problemBox, say, show, text, whenChanged } from "./dom.js";
import { showGuide, wireGuide } from "./guide.js";
import { Preview, measured } from "./preview.js";
import { showUse, wireUse } from "./use.js";

const steps = ["camera", "film", "calibrate", "use"];
const noteMs = 8000;
const noteWaitMs = 600;
const mostNotes = 2;
const missedMs = 600; // before it is said that the app is gone

window.rtdenoise = measured;

let state = null;
let view = steps.find((step) => location.hash === `#${step}`) ?? null;
let ended = false;
let goneTimer = 0;

const connection = connect({ message, opened, gone, picture: (data) => preview.picture(data) });
const app = { send: (wish) => connection.send(wish), go, state: () => state };
const preview = new Preview(app.send);

wireGuide(app);
wireUse(app);
byId("power").addEventListener("click", () => app.send({ do: isOn() ? "stop" : "start" }));
byId("turn-on").addEventListener("click", () => {
  app.send({ do: "start" });
  byId("power").focus();
});
for (const button of document.querySelectorAll("[data-go]")) button.addEventListener("click", () => go(button.dataset.go));
addEventListener("hashchange", () => {
  const named = steps.find((step) => location.hash === `#${step}`);
  if (named && named !== view) go(named);
});
byId("quit").addEventListener("click", () => byId("quit-ask").showModal());
byId("quit-ask").addEventListener("close", () => {
  if (byId("quit-ask").returnValue !== "yes") return;
  ended = true;
  app.send({ do: "quit" });
});

// --- the connection ---

function message(value) {
  if (value.state) {
    const before = state;
    state = value.state;
    if (!view) view = state.doing === "filming" ? "film" : state.doing === "calibrating" ? "calibrate" : state.step;
    announce(before);
    render();
  }
  if (value.note) setTimeout(noteUnlessShown, noteWaitMs, value.note);
  if (value.error) note("errors", problemBox({ text: value.error, cure: value.cure, command: value.command }), false);
}

function opened() {
  clearTimeout(goneTimer);
  goneTimer = 0;
  ended = false;
  show("gone", false);
  byId("main").inert = false;
  byId("power").disabled = false;
  preview.reconnected();
}

function gone(why) {
  byId("main").inert = true;
  byId("power").disabled = true;
  if (goneTimer) return;
  goneTimer = setTimeout(() => tellGone(why), missedMs);
}

function tellGone(why) {
  preview.want(false, false);
  const [what, cure] = {
    token: ["This page needs its whole address.", "Run rtdenoise app: it opens the page, and prints the address."],
    refused: ["The app has closed this page.", "It tries again."],
    busy: ["This page was too slow for the app.", "It tries again."],
    ended: ["rtdenoise has ended.", "You can close this page. When it is started again, this page goes on."],
    lost: ["rtdenoise isn't there.", "Start it again by rtdenoise app or from the menu: this page goes on by itself."],
  }[ended ? "ended" : why];
  const [strong, , span] = byId("gone").childNodes;
  strong.textContent = what;
  span.textContent = cure;
  show("gone", true);
  text("doing", ended ? "Ended" : "Not connected");
  byId("doing").dataset.state = "gone";
}

/** Why a network was chosen stands among the figures: no need to say it twice. */
function noteUnlessShown(sentence) {
  if (state?.live?.why !== sentence) note("notes", element("p", { textContent: sentence }));
}

/** A sentence in the corner; errors stay until they are closed. */
function note(place, content, passes = true) {
  const close = element("button", { type: "button", class: "close", "aria-label": "Close", textContent: "×" });
  const box = element("div", { class: "note" }, content, close);
  const same = [...byId(place).children].find((other) => other.textContent === box.textContent);
  if (same) same.remove();
  close.addEventListener("click", () => box.remove());
  byId(place).append(box);
  while (byId(place).children.length > mostNotes) byId(place).firstElementChild.remove();
  if (passes) setTimeout(() => box.remove(), noteMs);
}

// --- what is shown ---

function isOn() {
  return state !== null && ["starting", "live"].includes(state.doing);
}

function go(step) {
  view = step;
  history.replaceState(null, "", `#${step}`);
  if (!state) return;
  render();
  byId(`h-${step}`).focus();
}

function announce(before) {
  if (!before || before.doing === state.doing) return;
  const words = { idle: "Off", starting: "Turning on", live: "On", filming: "Filming", calibrating: "Calibrating" };
  const over = { filming: "Filming is over", calibrating: state.calibrate?.done ? "Calibrated" : "Calibrating stopped" };
  say((state.doing === "idle" && over[before.doing]) || words[state.doing]);
  if (before.doing === "filming" && view !== "film") note("notes", element("p", { textContent: "Filming is over." }));
}

function render() {
  const on = isOn();
  for (const button of document.querySelectorAll(".steps button")) {
    const step = button.dataset.go;
    if (step === view) button.setAttribute("aria-current", "step");
    else button.removeAttribute("aria-current");
    button.classList.toggle("done", steps.indexOf(step) < steps.indexOf(state.step));
    button.disabled = state.camera === null && step !== "camera";
  }
  for (const step of steps) show(`view-${step}`, step === view);
  document.body.dataset.view = view;
  const power = byId("power");
  power.setAttribute("aria-checked", String(on));
  power.disabled = state.camera === null || !(on || state.doing === "idle");
  const doing = { idle: "Off", starting: "Turning on …", live: "On", filming: "Filming", calibrating: "Calibrating" };
  text("doing", state.camera === null ? "No camera chosen" : doing[state.doing]);
  byId("doing").dataset.state = state.doing;
  text("version", `rtdenoise ${state.version}`);
  showProblems();
  showGuide(state);
  showUse(state);
  preview.want(on || state.doing === "filming", state.doing === "filming");
  showMeter();
  showStills();
  showEmpty();
}

let usual = null;

/** What goes wrong while a person looks is told on top; what didn't work here before is folded up below. */
function showProblems() {
  const told = state.problems.map((problem) => problem.text);
  usual = usual === null ? told : usual.filter((known) => told.includes(known));
  const urgent = state.problems.filter((problem) => !usual.includes(problem.text));
  const others = state.problems.filter((problem) => usual.includes(problem.text));
  whenChanged("urgent", urgent, () => byId("urgent").replaceChildren(...urgent.map(problemBox)));
  whenChanged("problems", others, () => {
    byId("problems-list").replaceChildren(...others.map(problemBox));
    text("problems-count", others.length === 1 ? "One thing doesn't work here" : `${others.length} things don't work here`);
    show("problems", others.length > 0);
  });
}

let stillsOf = null;

/** Before and after of the last calibration, in the step that is about it, where no call runs. */
function showStills() {
  const { calibrate, doing } = state;
  const wanted = view === "calibrate" && doing === "idle" && calibrate?.done && calibrate.before && calibrate.after;
  const key = wanted ? `${calibrate.before} ${calibrate.after}` : null;
  if (key === stillsOf) return;
  stillsOf = key;
  if (!key) return preview.still(null);
  const pictures = [calibrate.before, calibrate.after].map((address) => Object.assign(new Image(), { src: address }));
  Promise.all(pictures.map((picture) => picture.decode())).then(
    () => stillsOf === key && preview.still(...pictures),
    () => stillsOf === key && preview.still(null),
  );
}

/** What the person who films is told, large enough to be read from beside the camera. */
function showMeter() {
  const meter = state.doing === "filming" && !state.film?.judging ? state.film?.meter : null;
  show("meter", Boolean(meter) && preview.shown);
  if (!meter) return;
  text("meter", meter.words);
  byId("meter").classList.toggle("still", meter.still !== false);
  say(meter.words, true);
}

/** What stands where the picture would be. */
function showEmpty() {
  const { doing, film, calibrate, camera } = state;
  let big = "";
  let small = "";
  if (doing === "filming") {
    big = film?.judging ? "Judging what was filmed …" : (film?.meter?.words ?? "Looking …");
  } else if (doing === "calibrating") {
    big = `${Math.round(100 * (calibrate?.share ?? 0))} %`;
    small = calibrate?.stage ?? "";
  } else if (doing === "starting") {
    big = "Turning on …";
    small = "A network is chosen that keeps up with the camera.";
  } else if (doing === "live") {
    big = "On";
    small = "The next picture comes.";
  } else if (camera === null) {
    small = "Choose a camera.";
  } else {
    small = view === "use" ? "The camera is off." : "Look at the picture before you film: how it is lit, and what is in it.";
  }
  text("empty-big", big);
  text("empty-small", small);
  const offered = doing === "idle" && camera !== null;
  show("turn-on", offered && view !== "calibrate");
  byId("turn-on").classList.toggle("primary", view === "use");
  text("turn-on", view === "use" ? "Turn on" : "Show the picture");
  if (offered && view === "calibrate") text("empty-small", "");
}
