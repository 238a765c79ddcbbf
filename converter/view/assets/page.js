"use strict";
// Puts the page together: what is chosen in one part is shown in the others.

const FIGURES_PRINTED = 48;
const ITEMS_LISTED = 300;
const THUMBNAIL = [88, 72];
const FIGURE = [340, 265];

const byId = (id) => document.getElementById(id);
const embedded = (id) => byId(id)?.textContent;

// Returns the key of the selection that the link names; a link may be anything.
function askedFor() {
  try { return decodeURIComponent(location.hash.slice(1)); } catch { return ""; }
}

// What the page holds is in it, or in files beside it that are loaded when they are needed.
class Store {
  constructor(files) {
    this.files = files === null ? null : encodeURIComponent(files);
    this.chunks = new Map();
    this.waiting = new Map();
  }

  // Returns all that is known of a selection, when it has come.
  async detail(entry) {
    const chunk = await this.chunk(entry.chunk);
    return chunk[entry.key];
  }

  chunk(name) {
    if (!this.chunks.has(name)) this.chunks.set(name, this.files === null ? Promise.resolve(JSON.parse(embedded(name))) : this.load(name));
    return this.chunks.get(name);
  }

  load(name) {
    return new Promise((resolve, reject) => {
      this.waiting.set(name, resolve);
      const script = element("script", { src: `${this.files}/${name}.js` });
      script.addEventListener("error", () => {
        this.chunks.delete(name);
        reject(new Error(`${decodeURIComponent(this.files)}/${name}.js cannot be read: keep that folder beside the page.`));
      });
      script.addEventListener("load", () => script.remove());
      document.head.append(script);
    });
  }

  imageUrl(name) {
    return this.files === null ? `data:image/png;base64,${embedded(name)}` : `${this.files}/${name}.png`;
  }
}

class Page {
  constructor(list) {
    this.list = list;
    this.store = new Store(list.files);
    this.views = [];
    this.at = -1;
    this.element = null;
    this.viewer = new Viewer(byId("stage"), {
      scale: (scale) => { byId("zoom").value = scale === null ? "" : `${(scale * 100).toFixed(0)} %`; },
      pointer: (point) => this.showPointer(point),
      hovered: (path) => this.hover(path),
      chosen: (path) => this.choose(path),
    });
    this.resource = new ResourceText(byId("resource"), { hovered: (path) => this.hover(path), chosen: (path) => this.choose(path) });
    this.tree = new Tree(byId("tree"), list.patients, (entry) => this.show(entry), () => byId("stage").focus());
    this.listen();
    this.fillKinds();
    const asked = askedFor();
    if (!(asked && this.tree.moveToKey(asked))) this.tree.moveTo(this.tree.found[0]);
    if (!this.tree.entries.length) this.viewer.say("There are no selections.");
  }

  // The list

  fillKinds() {
    const counts = new Map();
    for (const index of this.tree.entries) {
      const { kind } = this.tree.rows[index].node;
      counts.set(kind, (counts.get(kind) ?? 0) + 1);
    }
    for (const kind of [...counts.keys()].sort()) {
      const box = element("input", { type: "checkbox", value: kind });
      box.checked = true;
      byId("kinds").append(element("label", {}, box, ` ${kind} `, element("span", { class: "total" }, counts.get(kind).toLocaleString("en"))));
    }
    this.showCount();
  }

  filter() {
    const boxes = [...byId("kinds").querySelectorAll("input")];
    const shown = new Set(boxes.filter((each) => each.checked).map((each) => each.value));
    this.tree.filter(byId("filter").value, shown.size === boxes.length ? null : shown);
    this.showCount();
  }

  showCount() {
    const [found, all] = [this.tree.found.length, this.tree.entries.length].map((each) => each.toLocaleString("en"));
    byId("count").value = found === all ? `${all} selections` : `${found} of ${all} selections`;
    byId("total").textContent = `· ${all} selections of ${this.list.patients.length.toLocaleString("en")} patients`;
  }

  // The selection

  async show(entry) {
    this.entry = entry;
    history.replaceState(null, "", `#${encodeURIComponent(entry.key)}`);
    let detail;
    try {
      detail = await this.store.detail(entry);
    } catch (error) {
      if (this.entry === entry) this.viewer.say(error.message);
      return;
    }
    if (this.entry !== entry) return;
    this.detail = detail;
    this.element = null;
    this.at = -1;
    this.showFacts(entry, detail);
    this.number(detail);
    byId("without-names").hidden = !detail.isWithoutNames;
    this.resource.show(detail.resource, new Set(this.numbers.keys()));
    const imageUrl = (name) => this.store.imageUrl(name);
    this.views = [...detail.pictures, ...detail.sketches].map((each) => new View(each, this.numbers, imageUrl));
    this.fillStrip();
    // The frame that is seen first has a region on it, if any has.
    this.showView(Math.max(this.views.findIndex((each) => each.items.length), 0));
    this.showSource();
  }

  showFacts(entry, detail) {
    byId("code").textContent = entry.code;
    const facts = [
      ["Kind", entry.kind], ["Category", entry.categories], ["Body site", entry.sites], ["Performer", entry.performers],
      ["Issued", entry.issued], ["Patient", detail.patient], ["Study", detail.study], ["Series", detail.series],
      ["Regions", entry.regions], ["Id", entry.key],
    ].filter(([, value]) => value && value.length);
    byId("facts").replaceChildren(...facts.map(([name, value]) =>
      element("div", {}, element("dt", {}, name), element("dd", {}, Array.isArray(value) ? value.join(", ") : value))));
    byId("notes").replaceChildren(...detail.notes.map((each) => element("li", {}, each)));
  }

  // Numbers the elements of a selection, the same on all of its frames.
  number(detail) {
    this.numbers = new Map();
    for (const view of [...detail.pictures, ...detail.sketches]) {
      for (const { element: path } of [...view.shapes, ...(view.masks ?? [])]) {
        if (!this.numbers.has(path)) this.numbers.set(path, this.numbers.size + 1);
      }
    }
  }

  // Its frames and sketches

  fillStrip() {
    this.thumbnails?.disconnect();
    this.thumbnails = new IntersectionObserver((seen) => {
      for (const { target, isIntersecting } of seen) {
        if (!isIntersecting || target.firstChild.nodeName === "svg") continue;
        target.firstChild.replaceWith(this.views[Number(target.dataset.index)].figure(THUMBNAIL, true));
      }
    }, { root: byId("strip"), rootMargin: "0px 300px" });
    const several = this.views.length > 1;
    byId("strip").replaceChildren(...(several ? this.views : []).map((view, index) => {
      const made = element("div", { class: "thumbnail", role: "option", id: `frame-${index}`, "data-index": index, title: view.title },
        document.createElementNS(SVG, "svg"), element("span", {}, view.data.short ?? view.title));
      made.firstChild.replaceWith(element("div"));
      made.firstChild.style.height = "4.5rem";
      return made;
    }));
    for (const each of byId("strip").children) this.thumbnails.observe(each);
  }

  showView(index, keep = false) {
    const view = this.views[index];
    byId("previous").setAttribute("aria-disabled", !(index > 0));
    byId("next").setAttribute("aria-disabled", !(index < this.views.length - 1));
    byId("position").value = view ? `${index + 1} of ${this.views.length}` : "no frames";
    byId("caption").textContent = byId("caption").title = view ? [view.title, ...(view.data.notes ?? [])].join(" · ") : "";
    this.at = view ? index : -1;
    if (!view) {
      this.viewer.say("This selection has nothing that can be drawn: it selects no image, or the images are not known.");
    } else {
      this.viewer.show(view, keep);
      this.viewer.mark(this.element, "chosen");
    }
    for (const each of byId("strip").children) each.setAttribute("aria-selected", Number(each.dataset.index) === index);
    const current = byId(`frame-${index}`);
    if (current) {
      byId("strip").setAttribute("aria-activedescendant", current.id);
      current.scrollIntoView({ block: "nearest", inline: "nearest" });
    }
    this.fillRegions(view);
  }

  stepView(direction) {
    const to = this.at + direction;
    if (to >= 0 && to < this.views.length) this.showView(to, true);
  }

  showPointer(point) {
    const view = this.views[this.at];
    if (!point || !view) byId("pointer").value = "";
    else if (view.isSketch) byId("pointer").value = `${point[0].toFixed(1)}, ${point[1].toFixed(1)} mm`;
    else byId("pointer").value = `column ${point[0].toFixed(1)}, row ${(point[1] / view.aspect).toFixed(1)}`;
  }

  // Its regions

  fillRegions(view) {
    const items = view?.items ?? [];
    const say = (words) => byId("regions").append(element("p", { class: "remark", role: "option", "aria-disabled": "true" }, words));
    byId("regions-title").textContent = view?.isSketch ? "On this sketch" : "On this frame";
    byId("regions").replaceChildren(...items.slice(0, ITEMS_LISTED).map((item, index) => {
      const made = element("div", { class: "item", role: "option", id: `region-${index}`, "data-element": item.element, "aria-selected": "false" },
        this.swatch(view, item), element("span", {}, `${view.number(item)}  ${describeItem(item)}`));
      return made;
    }));
    const whole = this.entry?.regions?.length ? "None of the regions lies on this frame." : "No regions: the whole frame is selected.";
    if (!items.length) say(view ? whole : "Nothing.");
    if (items.length > ITEMS_LISTED) say(`${(items.length - ITEMS_LISTED).toLocaleString("en")} more: choose them in the image.`);
    this.markRegions();
  }

  swatch(view, item) {
    const isMask = item.segment !== undefined;
    const path = { point: "M16 8h0", multipoint: "M8 8h0M16 8h0M24 8h0" }[item.type] ?? "M3 8h26";
    const dots = path.endsWith("h0");
    const classes = ["shape", view.colour(item), dots && "dots", item.derived && "derived"].filter(Boolean).join(" ");
    const lines = isMask ? [svg("path", { class: "line", d: "M2 14l10-12M10 14l10-12M18 14l10-12" })]
      : ["halo", "line"].map((each) => svg("path", { class: each, d: path }));
    return svg("svg", { viewBox: "0 0 32 16", "aria-hidden": "true" }, svg("g", { class: classes }, ...lines));
  }

  hover(path) {
    if (path === this.hovered) return;
    this.hovered = path;
    this.viewer.mark(path, "hovered");
    this.resource.mark(path, "hovered");
    for (const each of byId("regions").children) each.classList.toggle("hovered", path !== null && each.dataset.element === path);
  }

  // Shows a region everywhere: on a frame that has it, in the list, in the JSON, and where it comes from.
  choose(path) {
    this.element = path;
    if (path !== null) {
      const has = (view) => view?.items.some((item) => item.element === path);
      const on = has(this.views[this.at]) ? this.at : this.views.findIndex(has);
      if (on >= 0 && on !== this.at) this.showView(on, true);
      const shape = this.views[this.at]?.data.shapes.find((each) => each.element === path);
      if (shape) this.viewer.reveal(shape);
    }
    this.viewer.mark(path, "chosen");
    this.resource.mark(path, "chosen", true);
    this.markRegions();
    this.showSource();
  }

  markRegions() {
    let active = null;
    for (const each of byId("regions").children) {
      const isChosen = this.element !== null && each.dataset.element === this.element;
      if (each.dataset.element !== undefined) each.setAttribute("aria-selected", isChosen);
      if (isChosen) active ??= each;
    }
    if (active) {
      byId("regions").setAttribute("aria-activedescendant", active.id);
      active.scrollIntoView({ block: "nearest" });
    } else byId("regions").removeAttribute("aria-activedescendant");
  }

  stepRegion(direction) {
    const paths = [...new Set(this.views[this.at]?.items.map((item) => item.element) ?? [])];
    if (!paths.length) return;
    const from = paths.indexOf(this.element);
    this.choose(paths[from < 0 ? (direction > 0 ? 0 : paths.length - 1) : (from + direction + paths.length) % paths.length]);
  }

  showSource() {
    const { source } = this.detail;
    const terms = [];
    const say = (name, value) => terms.push(element("dt", {}, name), element("dd", {}, element("code", {}, value)));
    if (source) {
      say("File", source.file);
      say("Selection", source.path);
      const region = this.element === null ? undefined : source.regions[this.element];
      if (region) say("Region", region);
      else if (this.element?.includes("imageRegion")) terms.push(element("dt", {}, "Region"), element("dd", {}, "no attribute holds just these coordinates: the region was made from what the item states"));
    } else terms.push(element("dd", {}, this.list.unknownSource));
    byId("source").replaceChildren(...terms);
  }

  // Keys, buttons, print

  listen() {
    const on = (id, event, action) => byId(id).addEventListener(event, action);
    on("filter", "input", () => this.filter());
    on("kinds", "change", () => this.filter());
    on("previous", "click", () => this.stepView(-1));
    on("next", "click", () => this.stepView(1));
    on("zoom-in", "click", () => this.viewer.zoomBy(ZOOM_STEP));
    on("zoom-out", "click", () => this.viewer.zoomBy(1 / ZOOM_STEP));
    on("fit", "click", () => this.viewer.fit());
    on("actual", "click", () => this.viewer.zoomTo(1));
    on("keys-open", "click", () => byId("keys").showModal());
    for (const part of ["regions", "masks", "labels"]) {
      on(`show-${part}`, "change", (event) => byId("stage").classList.toggle(`no-${part}`, !event.target.checked));
    }
    on("smooth", "change", (event) => {
      this.viewer.isSmooth = event.target.checked;
      if (this.viewer.view) this.viewer.place();
    });
    on("strip", "click", (event) => {
      const thumbnail = event.target.closest(".thumbnail");
      if (thumbnail) this.showView(Number(thumbnail.dataset.index), true);
    });
    on("strip", "keydown", (event) => this.pressedIn(event, {
      ArrowRight: () => this.stepView(1), ArrowLeft: () => this.stepView(-1),
      Home: () => this.showView(0, true), End: () => this.showView(this.views.length - 1, true),
      Enter: () => byId("stage").focus(),
    }));
    on("regions", "click", (event) => {
      const item = event.target.closest(".item");
      if (item) this.choose(item.dataset.element);
    });
    on("regions", "pointermove", (event) => this.hover(event.target.closest(".item")?.dataset.element ?? null));
    on("regions", "pointerleave", () => this.hover(null));
    on("regions", "keydown", (event) => this.pressedIn(event, {
      ArrowDown: () => this.stepRegion(1), ArrowUp: () => this.stepRegion(-1),
      Enter: () => { this.resource.mark(this.element, "chosen", true); byId("resource").focus({ preventScroll: true }); },
    }));
    on("stage", "keydown", (event) => this.pressedIn(event, {
      ArrowLeft: () => this.viewer.panBy(PAN_STEP, 0), ArrowRight: () => this.viewer.panBy(-PAN_STEP, 0),
      ArrowUp: () => this.viewer.panBy(0, PAN_STEP), ArrowDown: () => this.viewer.panBy(0, -PAN_STEP),
      PageDown: () => this.stepView(1), PageUp: () => this.stepView(-1),
      Home: () => this.showView(0, true), End: () => this.showView(this.views.length - 1, true),
    }));
    addEventListener("keydown", (event) => this.pressed(event));
    addEventListener("hashchange", () => this.tree.moveToKey(askedFor()));
    addEventListener("beforeprint", () => this.fillPrint());
    addEventListener("afterprint", () => byId("print").replaceChildren());
  }

  pressedIn(event, actions) {
    const action = actions[event.key];
    if (!action || event.ctrlKey || event.altKey || event.metaKey) return;
    action();
    event.preventDefault();
    event.stopPropagation();
  }

  pressed(event) {
    if (byId("keys").open || event.ctrlKey || event.altKey || event.metaKey) return;
    if (event.key === "Escape") {
      this.escape();
      return;
    }
    const inText = event.target.closest?.("#filter");
    const inStage = event.target === byId("stage");
    if (inText || !(byId("shortcuts").checked || inStage)) return;
    const actions = {
      "/": () => byId("filter").focus(), "?": () => byId("keys").showModal(),
      "+": () => this.viewer.zoomBy(ZOOM_STEP), "=": () => this.viewer.zoomBy(ZOOM_STEP), "-": () => this.viewer.zoomBy(1 / ZOOM_STEP),
      0: () => this.viewer.fit(), 1: () => this.viewer.zoomTo(1),
      ".": () => this.stepView(1), ",": () => this.stepView(-1),
      n: () => this.stepRegion(1), p: () => this.stepRegion(-1),
      j: () => this.tree.step(1), k: () => this.tree.step(-1),
    };
    this.pressedIn(event, { ...actions, ...Object.fromEntries("npjk".split("").map((key) => [key.toUpperCase(), actions[key]])) });
  }

  // Leaves what was entered last: a filter, a region, the zoom.
  escape() {
    if (document.activeElement === byId("filter")) {
      if (byId("filter").value) {
        byId("filter").value = "";
        this.filter();
      } else byId("tree").focus();
    } else if (this.element !== null) this.choose(null);
    else this.viewer.fit();
  }

  fillPrint() {
    const figures = this.views.slice(0, FIGURES_PRINTED).map((view) =>
      element("figure", {}, view.figure(FIGURE, false), element("figcaption", {}, view.title)));
    const left = this.views.length - figures.length;
    byId("print").replaceChildren(...figures, left > 0 ? element("p", {}, `${left} more frames are not printed.`) : "");
  }
}

const page = new Page(JSON.parse(embedded("list")));
// Files beside the page hand in what they hold.
function imgselArrived(name, chunk) {
  page.store.waiting.get(name)?.(chunk);
}
