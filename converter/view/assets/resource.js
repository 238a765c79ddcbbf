"use strict";
// Shows a resource as JSON. Each object knows its FHIRPath, so that regions and their JSON find each other; long lists are
// cut until they are asked for.

const MOST_NUMBERS = 240;
const MOST_ITEMS = 60;
const R4_ELEMENT = "http://hl7.org/fhir/5.0/StructureDefinition/extension-ImagingSelection.";

// Returns an HTML element; children are elements, or texts, which stay texts.
function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children.filter((each) => each !== null && each !== undefined));
  return made;
}

class Numeral {
  constructor(source) {
    this.source = source;
  }
}

// Returns a JSON value whose numbers have the digits that they were written with, where the browser can tell.
function parseExactly(text) {
  return JSON.parse(text, (_, value, context) => (typeof value === "number" && context?.source ? new Numeral(context.source) : value));
}

function isNumber(value) {
  return typeof value === "number" || value instanceof Numeral;
}

class ResourceText {
  // `told.hovered(element or null)` and `told.chosen(element)` are told of regions pointed at.
  constructor(pre, told) {
    this.pre = pre;
    this.spans = new Map();
    this.cuts = [];
    const regionOf = (event) => event.target.closest?.(".region")?.dataset.element ?? null;
    pre.addEventListener("pointermove", (event) => told.hovered(regionOf(event)));
    pre.addEventListener("pointerleave", () => told.hovered(null));
    pre.addEventListener("click", (event) => {
      if (regionOf(event) !== null && !event.target.closest("button")) told.chosen(regionOf(event));
    });
  }

  // `elements`: the FHIRPaths that can be pointed at.
  show(text, elements) {
    this.elements = elements;
    this.spans.clear();
    this.cuts = [];
    this.pre.scrollTop = 0;
    this.pre.replaceChildren(this.value(parseExactly(text), "ImagingSelection", ""));
  }

  value(value, path, indent) {
    if (Array.isArray(value)) return this.list(value, path, indent);
    if (isNumber(value)) return element("u", {}, value.source ?? String(value));
    if (value !== null && typeof value === "object") return this.object(value, path, indent);
    return element("i", {}, JSON.stringify(value));
  }

  object(value, path, indent) {
    const span = element("span");
    this.spans.set(path, span);
    if (this.elements.has(path)) {
      span.className = "region";
      span.dataset.element = path;
    }
    const inner = `${indent}  `;
    const names = Object.keys(value);
    span.append("{");
    names.forEach((name, index) => {
      span.append(index ? ",\n" : "\n", inner, element("b", {}, JSON.stringify(name)), ": ");
      span.append(this.value(value[name], this.pathOf(value, path, name), inner));
    });
    span.append(names.length ? `\n${indent}}` : "}");
    return span;
  }

  // In a Basic of R4 extensions stand for elements: they have the paths of those, and so do the extensions in them.
  pathOf(value, path, name) {
    return name === "extension" || name === "modifierExtension" ? path : `${path}.${name}`;
  }

  list(value, path, indent) {
    const most = value.length && isNumber(value[0]) ? MOST_NUMBERS : MOST_ITEMS;
    const span = element("span", {}, "[");
    const counts = new Map();
    this.items(span, value, 0, most, path, indent, counts);
    span.append(value.length && !isNumber(value[0]) ? `\n${indent}]` : "]");
    return span;
  }

  items(span, value, from, most, path, indent, counts) {
    const inner = `${indent}  `;
    const to = Math.min(value.length, from + most);
    for (let index = from; index < to; index++) {
      if (isNumber(value[index])) span.append(index ? ", " : "", this.value(value[index], path, inner));
      else span.append(index ? ",\n" : "\n", inner, this.value(value[index], this.itemPath(value[index], path, index, counts), inner));
    }
    if (to === value.length) return;
    const left = value.length - to;
    const button = element("button", { type: "button" }, `show ${left.toLocaleString("en")} more`);
    const place = element("span", {}, isNumber(value[0]) ? ", " : `,\n${inner}`, button);
    const cut = { path, expand: () => {
      const rest = element("span");
      this.items(rest, value, to, value.length, path, indent, counts);
      place.replaceWith(rest);
      this.cuts.splice(this.cuts.indexOf(cut), 1);
    } };
    this.cuts.push(cut);
    button.addEventListener("click", cut.expand);
    span.append(place);
  }

  itemPath(item, path, index, counts) {
    const url = item?.url;
    if (typeof url !== "string" || (!url.startsWith(R4_ELEMENT) && !/^\w+$/.test(url))) return `${path}[${index}]`;
    const name = url.startsWith(R4_ELEMENT) ? url.slice(R4_ELEMENT.length) : url;
    const number = counts.get(name) ?? 0;
    counts.set(name, number + 1);
    return `${path}.${name}[${number}]`;
  }

  // Marks the object at a path, opening what it is cut from.
  mark(path, name, reveal = false) {
    for (const each of this.pre.querySelectorAll(`.${name}`)) each.classList.remove(name);
    if (path === null) return;
    while (!this.spans.has(path)) {
      const cut = this.cuts.find((each) => path.startsWith(each.path));
      if (!reveal || !cut) return;
      cut.expand();
    }
    const span = this.spans.get(path);
    span.classList.add(name);
    if (!reveal) return;
    const [outer, inner] = [this.pre.getBoundingClientRect(), span.getBoundingClientRect()];
    if (inner.top < outer.top || inner.bottom > outer.bottom) this.pre.scrollTop += inner.top - outer.top - 40;
  }
}
