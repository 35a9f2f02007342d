/** In use: strength, virtual camera, the other settings, and the figures below the picture. */

import { byId, options, problemBox, setValue, show, text, whenChanged } from "./dom.js";

const sendEveryMs = 100;

export function wireUse(app) {
  wireStrength(app);
  const set = (name, value) => app.send({ do: "set", [name]: value });
  byId("output").addEventListener("change", ({ target }) => {
    app.send({ do: "choose", camera: app.state().camera, outputs: target.value.split("\n") });
  });
  byId("on-demand").addEventListener("change", ({ target }) => set("on_demand", target.checked));
  byId("mirror").addEventListener("change", ({ target }) => set("mirror", target.checked));
  byId("brighten").addEventListener("change", ({ target }) => set("brighten", JSON.parse(target.value)));
  byId("network").addEventListener("change", ({ target }) => set("network", target.value || null));
  byId("mains").addEventListener("change", ({ target }) => target.value && set("mains_hz", Number(target.value)));
}

let held = 0; // until when the slider is a person's, not the state's

function wireStrength(app) {
  const slider = byId("strength");
  let timer = 0;
  const send = () => {
    timer = 0;
    app.send({ do: "strength", value: Number(slider.value) / 100 });
  };
  const change = (value) => {
    held = performance.now() + 1000;
    showStrength(value);
    timer ||= setTimeout(send, sendEveryMs);
  };
  slider.addEventListener("input", () => change(Number(slider.value)));
  for (const button of document.querySelectorAll("[data-strength]")) {
    button.addEventListener("click", () => change(Number(button.dataset.strength)));
  }
}

function showStrength(value) {
  const slider = byId("strength");
  if (Number(slider.value) !== value) slider.value = value;
  slider.style.setProperty("--share", `${value}%`);
  slider.setAttribute("aria-valuetext", `${value} %`);
  text("strength-out", `${value} %`);
  for (const button of document.querySelectorAll("[data-strength]")) {
    button.setAttribute("aria-pressed", String(Number(button.dataset.strength) === value));
  }
}

export function showUse(state) {
  const { settings, live } = state;
  if (performance.now() > held) showStrength(Math.round(100 * settings.strength));
  const outputs = state.outputs.map(({ id, name, problem }) => [id, problem ? `${name} – not available` : name]);
  const wanted = settings.outputs.join("\n");
  options("output", outputs, wanted);
  const wrong = state.outputs.filter(({ id, problem }) => problem && settings.outputs.includes(id)).map(({ problem }) => problem);
  whenChanged("output-problem", wrong, () => byId("output-problem").replaceChildren(...wrong.map(problemBox)));
  setValue("on-demand", settings.on_demand);
  setValue("mirror", settings.mirror);
  setValue("brighten", JSON.stringify(settings.brighten));
  if (byId("brighten").value === "") {
    options("brighten", [...byId("brighten").options].map(({ value, text: words }) => [value, words]), JSON.stringify(settings.brighten));
  }
  const networks = (state.networks ?? []).map((name) => [name, networkWords(name)]);
  options("network", [["", "The best that keeps up"], ...networks], settings.network ?? "");
  setValue("mains", settings.mains_hz ?? "");
  byId("mains").options[0].hidden = settings.mains_hz !== null;
  const camera = state.cameras.find(({ id }) => id === state.camera);
  text("use-camera", [camera?.name ?? "No camera", live?.mode ?? settings.size?.replace("x", " × ")].filter(Boolean).join(" · "));
  text("use-says", useWords(state));
  showFigures(live);
}

function networkWords(name) {
  return { none: "None: the camera's picture", recursive: "recursive: a filter without a network" }[name] ?? name;
}

function useWords({ doing, live, step, settings }) {
  if (doing === "filming" || doing === "calibrating") return "It can be turned on when that is done.";
  if (doing === "starting") return "Turning on …";
  if (!live) {
    if (step === "film") return "Works already, without having learned your camera. Filmed and calibrated it does better.";
    return step === "calibrate" ? "Works already. Calibrated to your camera it does better." : "Off. Turn it on, and choose it in your call as the camera.";
  }
  if (live.sink === "null" || settings.outputs[0] === "null") return "On. Only this page shows the picture.";
  const reader = live.readers === null ? "" : live.readers ? " A program is looking." : " No program is looking now.";
  return `On: choose “${live.sink}” in your call as the camera.${reader}`;
}

function showFigures(live) {
  show("figures", live !== null);
  if (!live) return;
  text("fig-rate", String(Math.round(live.rate_fps * 10) / 10));
  text("fig-rate-more", live.dropped ? `${live.dropped} dropped since it is on` : "none dropped");
  text("fig-delay", `${Math.round(live.delay_ms.p50)} ms`);
  text("fig-delay-more", `95 % below ${Math.round(live.delay_ms.p95)} ms`);
  const removed = live.removed_db;
  text("fig-noise", removed === null ? "…" : `${removed.toFixed(1)} dB`);
  text("fig-noise-more", live.noise_levels === null ? "" : `camera: ${live.noise_levels.toFixed(1)} of 255 levels`);
  text("fig-cpu", live.cpu_share === null ? "…" : `${Math.round(100 * live.cpu_share)} %`);
  text("fig-network", live.network);
  text("fig-network-more", [live.why, live.engine && `Runs on ${live.engine}.`].filter(Boolean).join(" "));
}
