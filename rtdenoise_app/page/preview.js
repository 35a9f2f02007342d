/**
 * The picture: camera and cleaned on both sides of a split that can be dragged, or the removed noise; zoomed to pixels
 * and moved about. Shows pictures of the running call, or two stills.
 */

import { byId, show, text } from "./dom.js";

const mostWidth = 960; // of a picture that isn't shown pixel for pixel
const askEveryMs = 100;
const keptAges = 1000;
const night = "#0b0f14"; // where there is no picture
const step = 2; // of 100, of the split by an arrow key

const viewport = byId("viewport");
const canvas = byId("picture");
const context = canvas.getContext("2d", { alpha: false, desynchronized: true });
const handle = byId("split");

/** For measurements: how many pictures were drawn, and how old they were then, in ms. */
export const measured = { drawn: 0, previewAge: null, ages: [] };

export class Preview {
  /** @param {(message: object) => boolean} send */
  constructor(send) {
    this.send = send;
    this.on = false;
    this.view = "split";
    this.zoom = 0; // device pixels for one of the frame; 0: all of it, as large as there is room
    this.split = 0.5;
    this.center = [0.5, 0.5]; // of the part that is shown, as shares of the frame
    this.frame = null; // what was drawn last: {parts, size, crop, view}
    this.stills = null;
    this.alone = false; // the camera's picture, without a split: there is no cleaned one
    this.asked = "";
    this.askedAt = 0;
    this.timer = 0;
    this.decoding = Promise.resolve();
    this.wire();
  }

  // --- what others call ---

  /** Whether pictures of the call are wanted. */
  want(on, alone) {
    this.alone = alone;
    if (on && !this.on) this.stills = null;
    if (!on && this.on && this.frame && !this.frame.still) this.frame = null;
    this.on = on;
    this.ask();
    this.draw();
  }

  /** A new connection knows nothing of the last one. */
  reconnected() {
    this.asked = "";
    this.frame = this.stills;
    this.ask();
    this.draw();
  }

  /** Shows two pictures instead, before and after; null: none. */
  still(before, after) {
    if (!before) {
      if (this.frame?.still) this.frame = null;
      this.stills = null;
    } else {
      const size = [before.naturalWidth, before.naturalHeight];
      this.stills = { parts: [before, after], size, crop: [0, 0, ...size], view: "split", still: true };
      this.frame = this.stills;
    }
    this.draw();
  }

  get shown() {
    return this.frame !== null;
  }

  /** Takes a message with a picture. */
  picture(buffer) {
    this.decoding = this.decoding.then(() => this.decoded(buffer)).catch(() => {}).then(() => this.send({ do: "drawn" }));
  }

  // --- pictures ---

  async decoded(buffer) {
    const length = new DataView(buffer).getUint32(0, true);
    const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length)));
    let at = 4 + length;
    const blobs = header.parts.map((size) => {
      const blob = new Blob([new Uint8Array(buffer, at, size)], { type: "image/jpeg" });
      at += size;
      return blob;
    });
    const parts = await Promise.all(blobs.map((blob) => createImageBitmap(blob)));
    if (!this.on) return;
    const old = this.frame;
    this.frame = { parts, size: header.size, crop: header.crop, view: header.view, still: false };
    this.draw();
    if (old && !old.still) old.parts.forEach((part) => part.close());
    measured.drawn += 1;
    measured.previewAge = Date.now() - 1000 * header.time;
    measured.ages.push(measured.previewAge);
    if (measured.ages.length > keptAges) measured.ages.shift();
  }

  draw() {
    const frame = this.frame;
    const split = frame !== null && frame.view === "split" && !this.alone;
    show("empty", frame === null);
    show("tools", frame !== null);
    show("split", split);
    show("tag-left", split && this.split > 0.12);
    show("tag-right", split && this.split < 0.88);
    show("moves", frame !== null && this.zoom > 0);
    show("views", frame !== null && !frame.still && !this.alone);
    viewport.classList.toggle("zoomed", frame !== null && this.zoom > 0);
    text("tag-left", frame?.still ? "Before" : "Camera");
    text("tag-right", frame?.still ? "After" : "Cleaned");
    canvas.setAttribute("aria-label", this.words());
    if (frame === null) {
      context.fillStyle = night;
      context.fillRect(0, 0, canvas.width, canvas.height);
      return;
    }
    const aspect = String(frame.size[0] / frame.size[1]);
    if (viewport.style.getPropertyValue("--aspect") !== aspect) viewport.style.setProperty("--aspect", aspect);
    this.fitCanvas();
    const { width, height } = canvas;
    const [x, y, w, h] = this.placed();
    context.imageSmoothingEnabled = !(this.zoom >= 1);
    context.imageSmoothingQuality = "medium";
    if (w < width || h < height) {
      context.fillStyle = night;
      context.fillRect(0, 0, width, height);
    }
    if (!split) {
      context.drawImage(frame.parts[0], ...this.source(frame.parts[0], 0, 1), x, y, w, h);
      return;
    }
    const share = Math.min(1, Math.max(0, (this.split * width - x) / w));
    const [before, after] = frame.parts;
    if (share > 0) context.drawImage(before, ...this.source(before, 0, share), x, y, w * share, h);
    if (share < 1) context.drawImage(after, ...this.source(after, share, 1), x + w * share, y, w * (1 - share), h);
  }

  /** What of a picture is shown between two shares of its width: (x, y, width, height) in its pixels. */
  source(part, from, to) {
    const width = part.width ?? part.naturalWidth;
    const height = part.height ?? part.naturalHeight;
    if (!this.frame.still || !this.zoom) return [from * width, 0, (to - from) * width, height];
    const [x, y, w, h] = this.crop(); // stills are here whole
    return [x + from * w, y, (to - from) * w, h];
  }

  /** Where on the canvas the picture lies: (x, y, width, height) in its pixels. */
  placed() {
    const { width, height } = canvas;
    if (!this.zoom) return [0, 0, width, height];
    const crop = this.frame.still ? this.crop() : this.frame.crop;
    if (crop[2] > width / this.zoom + 2) return [0, 0, width, height]; // of before it was zoomed
    const [w, h] = [crop[2] * this.zoom, crop[3] * this.zoom]; // even sides: a little more than there is room for
    return [Math.round((width - w) / 2), Math.round((height - h) / 2), w, h];
  }

  /** Makes the canvas as large as there is room; zoomed, a pixel of it is one of the screen, and lies on it. */
  fitCanvas() {
    const ratio = devicePixelRatio || 1;
    const box = viewport.getBoundingClientRect();
    const off = (at) => (this.zoom ? Math.ceil(at * ratio - 0.01) / ratio - at : 0);
    const whole = this.zoom ? Math.floor : Math.ceil;
    const [left, top] = [off(box.left), off(box.top + scrollY)];
    const width = Math.max(16, whole((box.width - left) * ratio + 0.01));
    const height = Math.max(9, whole((box.height - top) * ratio + 0.01));
    if (canvas.width !== width || canvas.height !== height) {
      canvas.width = width;
      canvas.height = height;
    }
    const places = { left, top, width: width / ratio, height: height / ratio };
    for (const [name, length] of Object.entries(places)) canvas.style.setProperty(name, `${length}px`);
  }

  words() {
    if (!this.frame) return "No picture";
    if (this.alone) return "The camera's picture";
    const part = this.zoom ? `, ${this.zoom} to 1` : "";
    if (this.frame.view === "removed") return `The noise that is removed, four times enlarged${part}`;
    return (this.frame.still ? "Before and after the calibration" : "The camera's picture and the cleaned one") + part;
  }

  // --- what is asked for ---

  /** The part of the frame that is shown: (x, y, width, height) in its pixels, even; null: all. */
  crop() {
    if (!this.zoom || !this.frame) return null;
    const [frameWidth, frameHeight] = this.frame.size;
    const w = Math.min(frameWidth, 2 * Math.ceil(canvas.width / this.zoom / 2));
    const h = Math.min(frameHeight, 2 * Math.ceil(canvas.height / this.zoom / 2));
    const place = (center, whole, part) => 2 * Math.round(Math.min(Math.max(center * whole - part / 2, 0), whole - part) / 2);
    return [place(this.center[0], frameWidth, w), place(this.center[1], frameHeight, h), w, h];
  }

  /** Asks for what is to be shown, where that has changed; not more often than the eye sees. */
  ask() {
    if (this.timer) return;
    const wait = this.askedAt + askEveryMs - performance.now();
    if (wait > 0) {
      this.timer = setTimeout(() => {
        this.timer = 0;
        this.ask();
      }, wait);
      return;
    }
    const on = this.on && !document.hidden;
    const message = { do: "preview", on };
    if (on) {
      this.fitCanvas();
      const crop = this.frame?.still ? null : this.crop();
      const width = crop ? crop[2] : Math.min(mostWidth, canvas.width);
      Object.assign(message, { view: this.alone ? "split" : this.view, width, crop });
    }
    const asked = JSON.stringify(message);
    if (asked !== this.asked && this.send(message)) {
      this.asked = asked;
      this.askedAt = performance.now();
    }
  }

  // --- what a person does ---

  wire() {
    for (const input of document.querySelectorAll("input[name=view]")) {
      input.addEventListener("change", () => {
        this.view = input.value;
        this.ask();
      });
    }
    for (const input of document.querySelectorAll("input[name=zoom]")) {
      input.addEventListener("change", () => this.setZoom(Number(input.value)));
    }
    for (const button of document.querySelectorAll("[data-move]")) {
      const [x, y] = button.dataset.move.split(",").map(Number);
      button.addEventListener("click", () => this.move(x * canvas.width * 0.25, y * canvas.height * 0.25));
    }
    handle.addEventListener("keydown", (event) => this.key(event));
    this.drags();
    new ResizeObserver(() => {
      this.draw();
      this.ask();
    }).observe(viewport);
    document.addEventListener("visibilitychange", () => this.ask());
    this.setSplit(this.split);
  }

  key(event) {
    const to = {
      ArrowLeft: this.split - step / 100,
      ArrowDown: this.split - step / 100,
      ArrowRight: this.split + step / 100,
      ArrowUp: this.split + step / 100,
      PageDown: this.split - 0.1,
      PageUp: this.split + 0.1,
      Home: 0,
      End: 1,
    }[event.key];
    if (to === undefined || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    this.setSplit(to);
  }

  drags() {
    let last = null;
    let moves = false;
    viewport.addEventListener("pointerdown", (event) => {
      if (!this.frame || event.button !== 0 || event.target.closest("button")) return;
      const onHandle = event.target.closest("#split") !== null;
      moves = this.zoom > 0 && !onHandle;
      if (!moves && handle.hidden) return;
      last = [event.clientX, event.clientY];
      viewport.setPointerCapture(event.pointerId);
      if (!moves) {
        this.splitAt(event.clientX);
        handle.focus({ preventScroll: true });
      }
      event.preventDefault();
    });
    viewport.addEventListener("pointermove", (event) => {
      if (!last) return;
      const ratio = canvas.width / viewport.clientWidth;
      if (moves) this.move((last[0] - event.clientX) * ratio, (last[1] - event.clientY) * ratio);
      else this.splitAt(event.clientX);
      last = [event.clientX, event.clientY];
    });
    for (const end of ["pointerup", "pointercancel"]) viewport.addEventListener(end, () => (last = null));
    viewport.addEventListener("dblclick", (event) => {
      if (!this.frame || event.target.closest("button, #split")) return;
      if (this.zoom) return this.setZoom(0);
      const box = viewport.getBoundingClientRect();
      this.center = [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
      this.setZoom(2);
    });
  }

  splitAt(clientX) {
    const box = viewport.getBoundingClientRect();
    this.setSplit((clientX - box.left) / box.width);
  }

  setSplit(share) {
    this.split = Math.min(1, Math.max(0, share));
    const percent = Math.round(100 * this.split);
    viewport.style.setProperty("--split", `${100 * this.split}%`);
    handle.setAttribute("aria-valuenow", String(percent));
    handle.setAttribute("aria-valuetext", `${percent} % camera, ${100 - percent} % cleaned`);
    this.draw();
  }

  setZoom(zoom) {
    this.zoom = zoom;
    for (const input of document.querySelectorAll("input[name=zoom]")) input.checked = Number(input.value) === zoom;
    this.ask();
    this.draw();
  }

  /** Moves what is shown by so many pixels of the canvas. */
  move(x, y) {
    const crop = this.crop();
    if (!crop) return;
    const [width, height] = this.frame.size;
    const within = (at, whole, part) => Math.min(Math.max(at, part / 2 / whole), 1 - part / 2 / whole);
    this.center = [
      within(this.center[0] + x / this.zoom / width, width, crop[2]),
      within(this.center[1] + y / this.zoom / height, height, crop[3]),
    ];
    this.ask();
    if (this.frame.still) this.draw();
  }
}
