"use strict";
// Shows a view on the stage, zoomed and moved. The viewBox of its SVG is the part of the drawing that is seen, so positions
// are those of the drawing at any zoom.

const ZOOM_STEP = 1.25;
const LEAST_SCALE = 0.01;
const GREATEST_SCALE = 256;
const FEW_PIXELS = 4;
const PAN_STEP = 40;

class Viewer {
  // `told.scale(scale)`, `told.pointer(point or null)`, `told.hovered(element or null)`, `told.chosen(element or null)`.
  constructor(stage, told) {
    this.stage = stage;
    this.told = told;
    this.view = null;
    this.isFitted = true;
    this.isSmooth = false;
    this.svg = svg("svg", { role: "img" });
    new ResizeObserver(() => this.view && (this.isFitted ? this.fit() : this.place())).observe(stage);
    this.listen();
  }

  // Shows a view; `keep` leaves zoom and place as they are, for frames of the same size.
  show(view, keep = false) {
    const same = keep && this.view && this.view.width === view.width && this.view.height === view.height;
    this.view = view;
    const { drawn, scaled } = view.draw();
    this.scaled = scaled;
    this.svg.replaceChildren(drawn);
    this.svg.setAttribute("aria-label", [view.title, view.items.map(describeItem).join("; ")].filter(Boolean).join(": "));
    this.stage.replaceChildren(this.svg);
    if (same && !this.isFitted) this.place();
    else this.fit();
  }

  // Shows words where there is no view.
  say(words) {
    this.view = null;
    const said = document.createElement("p");
    said.textContent = words;
    this.stage.replaceChildren(said);
    this.told.scale(null);
  }

  get size() {
    const { width, height } = this.stage.getBoundingClientRect();
    return [Math.max(width, 1), Math.max(height, 1)];
  }

  fit() {
    if (!this.view) return;
    const [width, height] = this.size;
    const { left, top } = this.view;
    this.isFitted = true;
    this.scale = Math.min(width / this.view.width, height / this.view.height) * 0.96;
    this.centre = [left + this.view.width / 2, top + this.view.height / 2];
    this.place();
  }

  // Sets the scale; the point of the screen, by default the middle of the stage, keeps what it shows.
  zoomTo(scale, clientX = null, clientY = null) {
    if (!this.view) return;
    const kept = clientX === null ? this.centre : this.at(clientX, clientY);
    const factor = this.scale / Math.min(Math.max(scale, LEAST_SCALE), GREATEST_SCALE);
    this.centre = this.centre.map((each, axis) => kept[axis] + (each - kept[axis]) * factor);
    this.scale /= factor;
    this.isFitted = false;
    this.place();
  }

  zoomBy(factor, clientX, clientY) {
    this.zoomTo(this.scale * factor, clientX, clientY);
  }

  panBy(x, y) {
    if (!this.view) return;
    this.centre = [this.centre[0] - x / this.scale, this.centre[1] - y / this.scale];
    this.isFitted = false;
    this.place();
  }

  // Moves so that a shape is seen, if it is not.
  reveal(shape) {
    const [left, top, right, bottom] = bounds(shape);
    const middle = [(left + right) / 2, ((top + bottom) / 2) * this.view.aspect];
    const [width, height] = this.size;
    const [x, y] = middle.map((each, axis) => Math.abs(each - this.centre[axis]) * this.scale);
    if (x > width / 2 || y > height / 2) {
      this.centre = middle;
      this.place();
    }
  }

  place() {
    const [width, height] = this.size;
    const [x, y] = [this.centre[0] - width / 2 / this.scale, this.centre[1] - height / 2 / this.scale];
    this.svg.setAttribute("viewBox", `${x} ${y} ${width / this.scale} ${height / this.scale}`);
    const pixelated = !this.isSmooth && this.scale * devicePixelRatio >= 1;
    for (const image of this.svg.querySelectorAll(".pixels")) image.style.imageRendering = pixelated ? "pixelated" : "auto";
    this.scaled(this.scale);
    this.told.scale(this.scale);
  }

  // Returns the point of the drawing at a point of the screen.
  at(clientX, clientY) {
    const { left, top, width, height } = this.stage.getBoundingClientRect();
    return [this.centre[0] + (clientX - left - width / 2) / this.scale, this.centre[1] + (clientY - top - height / 2) / this.scale];
  }

  // Marks the shapes and masks of an element with a class, and no others.
  mark(element, name) {
    for (const each of this.svg.querySelectorAll(`.${name}`)) each.classList.remove(name);
    if (element === null) return;
    for (const each of this.svg.querySelectorAll("[data-element]")) {
      if (each.dataset.element === element) each.classList.add(name);
    }
  }

  listen() {
    const { stage } = this;
    let start = null;
    const elementOf = (event) => event.target.closest?.("[data-element]")?.dataset.element ?? null;
    stage.addEventListener("pointerdown", (event) => {
      if (event.button === 0) start = { x: event.clientX, y: event.clientY, moved: false };
    });
    stage.addEventListener("pointermove", (event) => {
      if (this.view) this.told.pointer(this.at(event.clientX, event.clientY));
      if (!start || !event.buttons) {
        this.told.hovered(elementOf(event));
        return;
      }
      const [x, y] = [event.clientX - start.x, event.clientY - start.y];
      if (!start.moved && Math.hypot(x, y) < FEW_PIXELS) return;
      if (!start.moved) stage.setPointerCapture(event.pointerId);
      start = { x: event.clientX, y: event.clientY, moved: true };
      stage.classList.add("dragged");
      this.panBy(x, y);
    });
    stage.addEventListener("click", (event) => {
      const dragged = start?.moved;
      start = null;
      if (!dragged) this.told.chosen(elementOf(event));
    });
    stage.addEventListener("lostpointercapture", () => stage.classList.remove("dragged"));
    stage.addEventListener("pointerleave", () => {
      this.told.pointer(null);
      this.told.hovered(null);
    });
    stage.addEventListener("wheel", (event) => {
      const page = document.scrollingElement;
      if (!this.view || (page.scrollHeight > innerHeight + 1 && !event.ctrlKey)) return;
      event.preventDefault();
      this.zoomBy(ZOOM_STEP ** (-event.deltaY / 100), event.clientX, event.clientY);
    }, { passive: false });
  }
}
