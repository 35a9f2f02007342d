/** The steps before use: choosing a camera, filming still scenes, calibrating. */

import { byId, duration, element, options, problemBox, say, setValue, show, text, whenChanged } from "./dom.js";

const kinds = { webcam: "Camera", simulated: "To try it without a camera", file: "A recording" };

/** @param {{send: Function, go: Function, state: Function}} app */
export function wireGuide(app) {
  byId("cameras").addEventListener("change", ({ target }) => app.send({ do: "choose", camera: target.value }));
  byId("refresh").addEventListener("click", () => app.send({ do: "refresh" }));
  byId("size").addEventListener("change", ({ target }) => {
    const { camera, settings } = app.state();
    const size = target.value || null;
    const known = ratesOf(app.state(), size).includes(settings.fps);
    app.send({ do: "choose", camera, size, fps: known ? settings.fps : null });
  });
  byId("fps").addEventListener("change", ({ target }) => {
    app.send({ do: "choose", camera: app.state().camera, fps: target.value ? Number(target.value) : null });
  });
  byId("camera-next").addEventListener("click", () => {
    const { step } = app.state();
    app.go(step === "camera" ? "film" : step);
  });
  byId("film-start").addEventListener("click", () => {
    const seconds = byId("seconds");
    if (!seconds.reportValidity()) return;
    app.send({ do: "film", scenes: Number(byId("scenes").value), seconds: Number(seconds.value) });
  });
  byId("film-next").addEventListener("click", () => app.go("calibrate"));
  byId("film-scene-next").addEventListener("click", () => app.send({ do: "next-scene" }));
  byId("film-mains").addEventListener("click", () => {
    app.send({ do: "set", mains_hz: app.state().film.meter.mains_hz });
  });
  byId("film-stop").addEventListener("click", () => app.send({ do: "film-stop" }));
  byId("calibrate-start").addEventListener("click", () => {
    if (app.state().step === "film") return app.go("film");
    const minutes = byId("minutes");
    if (minutes.reportValidity()) app.send({ do: "calibrate", minutes: Number(minutes.value) });
  });
  byId("calibrate-stop").addEventListener("click", () => app.send({ do: "calibrate-stop" }));
  byId("calibrate-next").addEventListener("click", () => {
    app.go("use");
    if (app.state().doing === "idle") app.send({ do: "start" });
  });
}

export function showGuide(state) {
  showCamera(state);
  showFilm(state);
  showCalibrate(state);
}

// --- which camera ---

function modesOf(state) {
  const modes = state.cameras.find(({ id }) => id === state.camera)?.modes ?? [];
  return modes.map((mode) => /^(\d+x\d+)@([\d.]+)/.exec(mode)).filter(Boolean);
}

function ratesOf(state, size) {
  const rates = modesOf(state).filter(([, known]) => !size || known === size).map(([, , rate]) => Number(rate));
  return [...new Set(rates)].sort((a, b) => b - a);
}

function showCamera(state) {
  whenChanged("cameras", state.cameras, () => {
    const focused = document.activeElement?.name === "camera" ? document.activeElement.value : null;
    byId("cameras").replaceChildren(byId("cameras").firstElementChild, ...state.cameras.map(cameraCard));
    if (focused) document.querySelector(`input[name=camera][value="${CSS.escape(focused)}"]`)?.focus();
  });
  for (const input of document.querySelectorAll("input[name=camera]")) input.checked = input.value === state.camera;
  const usual = [["", "Automatic"]];
  const sizes = [...new Set(modesOf(state).map(([, size]) => size))];
  options("size", [...usual, ...sizes.map((size) => [size, size.replace("x", " × ")])], state.settings.size ?? "");
  const rates = ratesOf(state, state.settings.size).map((rate) => [String(rate), String(rate)]);
  options("fps", [...usual, ...rates], state.settings.fps === null ? "" : String(state.settings.fps));
  for (const id of ["size", "fps"]) byId(id).disabled = state.camera === null;
  byId("camera-next").disabled = state.camera === null;
}

function area(size) {
  const [width, height] = size.split("x").map(Number);
  return width * height;
}

function cameraCard(camera) {
  const largest = camera.modes.map((mode) => mode.split("@")[0]).sort((a, b) => area(b) - area(a))[0];
  const about = [kinds[camera.kind] ?? camera.kind, largest && `up to ${largest.replace("x", "\u202f×\u202f")}`];
  const card = element(
    "label",
    { class: "card" },
    element("input", { type: "radio", name: "camera", value: camera.id, disabled: camera.modes.length === 0 }),
    element(
      "span",
      { class: "about" },
      element("strong", { textContent: camera.name }),
      element("span", { class: "hint", textContent: about.filter(Boolean).join(", ") }),
    ),
  );
  return camera.problem ? element("div", {}, card, problemBox(camera.problem)) : card;
}

// --- filming ---

function showFilm(state) {
  const { film } = state;
  const now = state.doing === "filming";
  const series = (!now && film?.series) || [];
  const fit = series.some(({ accepted }) => accepted);
  show("film-before", !now && series.length === 0);
  show("film-now", now);
  show("film-fields", !now);
  show("film-after", series.length > 0);
  show("film-start", !now);
  byId("film-start").disabled = state.camera === null || !["idle", "live", "starting"].includes(state.doing);
  byId("film-start").classList.toggle("primary", !fit);
  text("film-start", series.length === 0 ? "Start filming" : "Film again");
  show("film-next", fit && !now);
  show("film-stop", now && !film?.judging);
  const more = now && Boolean(film?.meter) && film.scene < film.scenes;
  show("film-scene-next", more);
  whenChanged("series", series, () => byId("series").replaceChildren(...series.map(seriesItem)));
  const remarks = (!now && film?.remarks) || [];
  show("film-remarks", remarks.length > 0);
  whenChanged("remarks", remarks, () => {
    byId("film-remarks").replaceChildren(...remarks.map((remark) => element("li", { textContent: remark })));
  });
  if (!now || !film) return;
  text("film-good", String(film.good_frames));
  text("film-of", film.judging ? "frames: they are being judged …" : `of ${film.needed_frames} good frames`);
  setValue("film-progress", film.needed_frames ? film.good_frames / film.needed_frames : 0);
  text("film-scene", film.scenes > 1 ? `Scene ${film.scene} of ${film.scenes}` : "");
  const meter = film.judging ? null : film.meter;
  const mains = meter?.mains_hz && meter.mains_hz !== state.settings.mains_hz;
  show("film-mains", Boolean(mains));
  if (mains) text("film-mains", `Set the camera to ${meter.mains_hz} Hz`);
  const checks = meter ? checksOf(meter) : [];
  whenChanged("film-checks", checks, () => {
    byId("film-checks").replaceChildren(
      ...checks.map(([good, words]) =>
        element(
          "li",
          { class: good ? "good" : "bad" },
          element("span", { class: "unseen", textContent: good ? "Good: " : "Not yet: " }),
          words,
        ),
      ),
    );
  });
}

const moving = ["shift", "moving"];

function checksOf(meter) {
  return [
    [!moving.includes(meter.state), moving.includes(meter.state) ? "Something moves" : "Nothing moves"],
    ...(meter.state === "drift" ? [[false, "The light changes"]] : []),
    [!meter.dark && !meter.overexposed, meter.dark ? "Too dark" : meter.overexposed ? "Too bright" : "Bright enough, not too bright"],
    [!(meter.flicker_levels > 1), meter.flicker_levels > 1 ? "Lamps flicker" : "Lamps don't flicker"],
  ];
}

function seriesItem({ accepted, reason, cure, frames }, index) {
  return element(
    "li",
    { class: accepted ? "good" : "bad" },
    element("strong", { textContent: `Series ${index + 1}: ${accepted ? "fit" : "not fit"}` }),
    ` – ${frames} frames`,
    reason ? element("p", { textContent: reason }) : null,
    cure ? element("p", { class: "hint", textContent: cure }) : null,
  );
}

// --- calibrating ---

function showCalibrate(state) {
  const { calibrate } = state;
  const now = state.doing === "calibrating";
  const done = !now && Boolean(calibrate?.done);
  const lacking = state.step === "camera" || state.step === "film";
  show("calibrate-before", !now && !done);
  show("calibrate-now", now);
  show("calibrate-after", done);
  show("calibrate-start", !now);
  show("calibrate-stop", now);
  show("calibrate-next", done);
  show("calibrate-fields", !lacking && !now);
  show("calibrate-hint", !done);
  byId("calibrate-start").classList.toggle("primary", !done);
  byId("calibrate-start").disabled = state.camera === null || state.doing === "filming";
  text("calibrate-start", lacking ? "Film first" : done ? "Calibrate again" : "Start");
  text(
    "calibrate-why",
    lacking
      ? "Nothing was filmed yet that is fit for it."
      : "From your film the noise of this camera is measured, and a network learns to take it away. No clean picture is needed.",
  );
  if (now && calibrate) {
    text("calibrate-stage", calibrate.stage);
    text("calibrate-left", calibrate.left_s === null ? "" : `${duration(calibrate.left_s)} left`);
    setValue("calibrate-progress", calibrate.share);
    text("calibrate-said", calibrate.said ?? "");
    say(`Calibrating: ${calibrate.stage}`, true);
  }
  if (done) {
    const gain = calibrate.gain_db;
    text("gain", gain === null ? "" : `${gain > 0 ? "+" : "−"}${Math.abs(gain).toFixed(1)} dB`);
    const better = calibrate.verdict === "better" || (calibrate.verdict === undefined && gain > 0);
    text("verdict", better ? "closer to the clean picture (uPSNR), in parts that were not learned from." : verdictOf(calibrate));
    show("report", Boolean(calibrate.report));
    if (calibrate.report) byId("report").href = calibrate.report;
  }
}

function verdictOf({ verdict }) {
  if (verdict === "worse") return "The picture became worse: film again, in the light of your calls.";
  return "There is no clear difference to what the network could before.";
}
