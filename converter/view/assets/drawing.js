"use strict";
// Draws what is selected as SVG, in the coordinates of what it is drawn on: of a picture its pixels, column then row,
// 0,0 at the top left corner of the top left pixel; of a sketch millimetres.

const SVG = "http://www.w3.org/2000/svg";
const COLOURS = 8;
const MOST_VERTICES = 400;
const LABEL_SIZE = 13;
const LETTER_WIDTH = 0.6;
const LEAST_LETTERS = 24;
const HATCH_SIZE = 12;
let masksMade = 0;

// Returns an SVG element; children are elements, or texts, which stay texts.
function svg(name, attributes = {}, ...children) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, String(value));
  made.append(...children);
  return made;
}

// Returns the points of a flat list as pairs.
function pairs(flat) {
  return Array.from({ length: flat.length >> 1 }, (_, index) => [flat[2 * index], flat[2 * index + 1]]);
}

function distance([x, y], [u, v]) {
  return Math.hypot(u - x, v - y);
}

function isClosed(shape) {
  const points = shape.points;
  const last = points.length - 2;
  return (
    shape.type === "polygon" || shape.type === "circle" || shape.type === "ellipse" ||
    (shape.type === "polyline" && last > 2 && points[0] === points[last] && points[1] === points[last + 1])
  );
}

// Returns the path of a shape: a circle is a centre and a point on it, an ellipse the end points of its major axis, then
// of its minor axis; points are strokes of no length, which round caps turn into dots of the same size at any zoom.
function outline(shape) {
  const points = pairs(shape.points);
  switch (shape.type) {
    case "point":
    case "multipoint":
      return points.map(([x, y]) => `M${x} ${y}h0`).join("");
    case "circle": {
      const [[x, y], onCircle] = points;
      const radius = distance([x, y], onCircle);
      const half = `A${radius} ${radius} 0 1 0`;
      return `M${x - radius} ${y}${half} ${x + radius} ${y}${half} ${x - radius} ${y}Z`;
    }
    case "ellipse": {
      const [first, second, third, fourth] = points;
      const angle = (Math.atan2(second[1] - first[1], second[0] - first[0]) * 180) / Math.PI;
      const half = `A${distance(first, second) / 2} ${distance(third, fourth) / 2} ${angle} 1 0`;
      return `M${first.join(" ")}${half} ${second.join(" ")}${half} ${first.join(" ")}Z`;
    }
    default:
      return `M${points.map((each) => each.join(" ")).join("L")}${shape.type === "polygon" ? "Z" : ""}`;
  }
}

// Returns the least and greatest coordinates of a shape: [left, top, right, bottom].
function bounds(shape) {
  const points = pairs(shape.points);
  if (shape.type === "circle") {
    const radius = distance(points[0], points[1]);
    const [x, y] = points[0];
    return [x - radius, y - radius, x + radius, y + radius];
  }
  const found = [Infinity, Infinity, -Infinity, -Infinity];
  for (const [x, y] of points) {
    found[0] = Math.min(found[0], x);
    found[1] = Math.min(found[1], y);
    found[2] = Math.max(found[2], x);
    found[3] = Math.max(found[3], y);
  }
  return found;
}

function area(shape) {
  const [left, top, right, bottom] = bounds(shape);
  return (right - left) * (bottom - top);
}

// What is said of a shape or mask in one line.
function describeItem(item) {
  // A polyline that ends where it begins is drawn as what it is.
  const type = item.type === "polygon" && item.element.includes("imageRegion2D") ? "closed polyline" : item.type;
  if (item.segment !== undefined) return [`Segment ${item.segment}`, item.label].filter(Boolean).join(": ");
  const count = item.points.length / 2;
  const vertices = item.type === "polyline" || item.type === "polygon" || item.type === "multipoint";
  const words = [type, vertices ? `${count} ${count === 1 ? "point" : "points"}` : null, item.derived ? "section or projection" : null];
  return [item.label, words.filter(Boolean).join(", ")].filter(Boolean).join(": ");
}

// Something that is drawn: a picture or a sketch of a selection. `width` and `height` are those of its drawing, in which
// a pixel is 1 wide and as high as its aspect says.
class View {
  // `numbers` gives each element of the resource its number; `imageUrl` where a PNG of the page is.
  constructor(data, numbers, imageUrl) {
    this.data = data;
    this.numbers = numbers;
    this.imageUrl = imageUrl;
    this.isSketch = data.bounds !== undefined;
    this.aspect = data.aspect ?? 1;
    if (this.isSketch) {
      const [[left, top], [right, bottom]] = data.bounds;
      const margin = Math.max(right - left, bottom - top, 1) * 0.12;
      [this.left, this.top] = [left - margin, top - margin];
      [this.width, this.height] = [right - left + 2 * margin, bottom - top + 2 * margin];
    } else {
      [this.left, this.top] = [0, 0];
      [this.width, this.height] = [data.columns, data.rows * this.aspect];
    }
    this.items = [...data.shapes, ...(data.masks ?? [])];
  }

  get title() {
    return this.data.title;
  }

  number(item) {
    return this.numbers.get(item.element) ?? 0;
  }

  colour(item) {
    return `c${((this.number(item) || 1) - 1) % COLOURS + 1}`;
  }

  // Returns the drawing: a <g>, and a function to be told of the scale, in screen pixels for each of its units. A plain one
  // has no labels, and of shapes their lines alone.
  draw(isPlain = false) {
    const stretched = svg("g", this.aspect === 1 ? {} : { transform: `scale(1 ${this.aspect})` });
    const drawn = svg("g", { class: "picture" }, stretched);
    const patterns = [];
    stretched.append(this.isSketch ? svg("g") : this.background());
    if (this.data.masks?.length) {
      stretched.append(svg("g", { class: "masks" }, ...this.data.masks.map((mask) => this.mask(mask, patterns))));
    }
    // What is small lies on top of what is large, so that it can be pointed at.
    const shapes = this.data.shapes.map((shape, index) => [shape, index, isClosed(shape) ? area(shape) : 0]);
    shapes.sort((one, other) => other[2] - one[2]);
    stretched.append(svg("g", { class: "shapes" }, ...this.rings(), ...shapes.map(([shape, index]) => this.shape(shape, index, isPlain))));
    const labels = svg("g", { class: "labels" });
    const texts = isPlain ? [] : this.labels(labels);
    drawn.append(labels);
    const furniture = this.isSketch && !isPlain ? this.sketchFurniture(drawn) : null;
    const words = this.data.image || this.isSketch || isPlain ? null : this.missingWords(drawn);
    const scaled = (scale) => {
      for (const [text, x, y] of texts) {
        // Right of its shape and above it; where there is no room, as far left as it takes, and cut to the drawing's width.
        const size = LABEL_SIZE / scale;
        const room = Math.max(Math.floor((this.width / size - 1) / LETTER_WIDTH), LEAST_LETTERS);
        const words = text.dataset.words;
        text.textContent = words.length > room ? `${words.slice(0, room - 1)}…` : words;
        const width = text.textContent.length * LETTER_WIDTH * size;
        const rightmost = this.left + this.width - width - size / 2;
        text.setAttribute("font-size", size);
        text.setAttribute("stroke-width", 3 / scale);
        text.setAttribute("x", Math.max(Math.min(x + 5 / scale, rightmost), this.left + size / 2));
        text.setAttribute("y", Math.max(y - 5 / scale, this.top + size));
      }
      for (const pattern of patterns) pattern.setAttribute("patternTransform", `scale(${1 / scale} ${1 / scale / this.aspect}) rotate(${pattern.dataset.angle})`);
      furniture?.(scale);
      words?.(scale);
    };
    return { drawn, scaled };
  }

  background() {
    const { columns, rows, image } = this.data;
    if (!image) return svg("g", { class: "missing" }, svg("rect", { width: columns, height: rows }));
    return svg("image", { class: "pixels", width: columns, height: rows, preserveAspectRatio: "none", href: this.imageUrl(image) });
  }

  missingWords(drawn) {
    const text = svg("text", { "text-anchor": "middle", x: this.width / 2, y: this.height / 2 }, this.data.missing ?? "");
    drawn.append(svg("g", { class: "missing" }, text));
    return (scale) => {
      const fitting = (this.width * scale * 1.8) / Math.max(text.textContent.length, 1);
      text.setAttribute("font-size", Math.min(15, fitting) / scale);
    };
  }

  // A mask lets its colour and hatching through where its PNG is white.
  mask(mask, patterns) {
    const { columns, rows } = this.data;
    const id = `mask-${++masksMade}`;
    const angle = (this.number(mask) * 45) % 180;
    const pattern = svg(
      "pattern",
      { id: `${id}-hatch`, class: "hatch", width: HATCH_SIZE, height: HATCH_SIZE, patternUnits: "userSpaceOnUse", "data-angle": angle },
      ...["dark", "light"].map((tone) => svg("line", { class: tone, x2: HATCH_SIZE, y1: HATCH_SIZE / 2, y2: HATCH_SIZE / 2 }))
    );
    patterns.push(pattern);
    const size = { width: columns, height: rows };
    return svg(
      "g",
      { class: `mask ${this.colour(mask)}`, "data-element": mask.element },
      pattern,
      svg("mask", { id, maskUnits: "userSpaceOnUse", x: 0, y: 0, ...size },
        svg("image", { class: "pixels", preserveAspectRatio: "none", href: this.imageUrl(mask.image), ...size })),
      svg("g", { mask: `url(#${id})` }, svg("rect", { class: "flat", ...size }), svg("rect", { fill: `url(#${id}-hatch)`, class: "lines", ...size }))
    );
  }

  // Rings of one structure or segment are filled together: where they lie in each other they leave holes.
  rings() {
    const closed = this.data.rings ? this.data.shapes.filter(isClosed) : [];
    if (!closed.length) return [];
    return [svg("path", { class: `rings ${this.colour(closed[0])}`, d: closed.map(outline).join("") })];
  }

  shape(shape, index, isPlain) {
    const d = outline(shape);
    const closed = isClosed(shape);
    const dots = shape.type === "point" || shape.type === "multipoint";
    const classes = ["shape", this.colour(shape), closed && "closed", dots && "dots", shape.derived && "derived"];
    if (isPlain) return svg("g", { class: classes.filter(Boolean).join(" ") }, svg("path", { class: "line", d }));
    const drawn = svg("g", { class: classes.filter(Boolean).join(" "), "data-element": shape.element, "data-index": index },
      svg("title", {}, `${this.number(shape)} ${describeItem(shape)}`));
    if (closed && !this.data.rings) drawn.append(svg("path", { class: "tint", d, "fill-rule": "evenodd" }));
    drawn.append(svg("path", { class: "halo", d }), svg("path", { class: "line", d }));
    if (dots) drawn.append(svg("path", { class: "core", d }));
    else if (shape.points.length <= 2 * MOST_VERTICES) {
      const vertices = pairs(shape.points).map(([x, y]) => `M${x} ${y}h0`).join("");
      drawn.append(svg("path", { class: "vertices", d: vertices }), svg("path", { class: "vertices core", d: vertices }));
    }
    drawn.append(svg("path", { class: "hit", d }));
    return drawn;
  }

  // Adds the labels and returns each with its place in the drawing; one that several shapes have is written once.
  labels(parent) {
    const written = new Set();
    return this.data.shapes.map((shape) => {
      const [, top, right] = bounds(shape);
      const words = [this.number(shape), written.has(shape.label) ? null : shape.label].filter(Boolean).join(" ");
      written.add(shape.label);
      const text = svg("text", { "data-words": words }, words);
      parent.append(text);
      return [text, right, top * this.aspect];
    });
  }

  // A sketch says which way is which, and how long a stretch is.
  sketchFurniture(drawn) {
    const edges = { axial: "RLAP", coronal: "RLHF", sagittal: "APHF" }[this.data.view] ?? "    ";
    const middle = [this.left + this.width / 2, this.top + this.height / 2];
    const places = [[this.left, middle[1]], [this.left + this.width, middle[1]], [middle[0], this.top], [middle[0], this.top + this.height]];
    const texts = places.map(([x, y], index) => svg("text", { x, y, "text-anchor": "middle", "dominant-baseline": "middle" }, edges[index]));
    const length = 10 ** Math.floor(Math.log10(this.width / 3));
    const bar = svg("path");
    const words = svg("text", {}, `${length} mm`);
    drawn.append(svg("g", { class: "sketch" }, ...texts, bar, words));
    return (scale) => {
      const inward = 12 / scale;
      texts.forEach((text, index) => {
        const [x, y] = places[index];
        text.setAttribute("font-size", 13 / scale);
        text.setAttribute("x", x + (index === 0 ? inward : index === 1 ? -inward : 0));
        text.setAttribute("y", y + (index === 2 ? inward : index === 3 ? -inward : 0));
      });
      const [x, y] = [this.left + inward, this.top + this.height - inward];
      bar.setAttribute("d", `M${x} ${y}h${length}m0 ${-4 / scale}v${8 / scale}m${-length} 0v${-8 / scale}`);
      words.setAttribute("font-size", 12 / scale);
      words.setAttribute("x", x);
      words.setAttribute("y", y - 8 / scale);
    };
  }

  // Returns a whole drawing that fits what it is put into, about so large: a thumbnail, a figure in print.
  figure([width, height], isPlain) {
    const { drawn, scaled } = this.draw(isPlain);
    scaled(Math.min(width / this.width, height / this.height));
    return svg("svg", { viewBox: `${this.left} ${this.top} ${this.width} ${this.height}`, "aria-hidden": "true" }, drawn);
  }
}
