"use strict";
// The list: patients, studies, series and selections as a tree, of which only the rows that are seen are in the page.

const OVERSCAN = 4;
const ROW_REM = 1.875;
const ENTRY_REM = 2.875;

class Tree {
  // `patients` as the page has them; `chosen(entry)` is told of the selection that was moved to, `entered()` of Enter.
  constructor(element, patients, chosen, entered) {
    this.element = element;
    this.chosen = chosen;
    this.entered = entered;
    this.rows = [];
    this.entries = [];
    this.active = -1;
    this.selected = -1;
    this.words = [];
    this.kinds = null;
    this.sizer = document.createElement("div");
    this.sizer.setAttribute("role", "none");
    element.append(this.sizer);
    for (const patient of patients) this.add(patient, 1, -1);
    this.arrange();
    element.addEventListener("scroll", () => this.draw(), { passive: true });
    element.addEventListener("keydown", (event) => this.pressed(event));
    element.addEventListener("click", (event) => this.clicked(event));
    new ResizeObserver(() => this.draw()).observe(element);
  }

  add(node, level, parent) {
    const index = this.rows.length;
    const inside = node.studies ?? node.series ?? node.entries;
    this.rows.push({ index, level, parent, node, isOpen: true, isEntry: inside === undefined, count: 0 });
    if (inside === undefined) this.entries.push(index);
    for (const each of inside ?? []) this.add(each, level + 1, index);
  }

  // What is filtered in: a selection that has every word somewhere, and whose kind is among those shown.
  matches(row) {
    if (this.kinds && !this.kinds.has(row.node.kind)) return false;
    if (!this.words.length) return true;
    row.text ??= this.textOf(row);
    return this.words.every((word) => row.text.includes(word));
  }

  textOf(row) {
    const said = [];
    for (let each = row; each; each = this.rows[each.parent]) {
      const { label, detail, key, code, kind, categories, sites, performers, issued, regions } = each.node;
      said.push(label, detail, key, code, kind, categories, sites, performers, issued, regions);
    }
    return said.flat().filter(Boolean).join("\n").toLowerCase();
  }

  filter(text, kinds) {
    this.words = text.toLowerCase().split(/\s+/).filter(Boolean);
    this.kinds = kinds;
    if (this.words.length) for (const row of this.rows) row.isOpen = true;
    this.arrange();
  }

  // Works out which rows there are and where each is.
  arrange() {
    for (const row of this.rows) row.count = 0;
    for (const index of this.entries) {
      if (!this.matches(this.rows[index])) continue;
      for (let at = index; at >= 0; at = this.rows[at].parent) this.rows[at].count++;
    }
    this.visible = [];
    this.found = [];
    const hidden = new Set();
    for (const row of this.rows) {
      if (row.isEntry && row.count) this.found.push(row.index);
      if (!row.count || hidden.has(row.parent)) hidden.add(row.index);
      else {
        this.visible.push(row.index);
        if (!row.isOpen) hidden.add(row.index);
      }
    }
    const siblings = new Map();
    for (const index of this.visible) {
      const row = this.rows[index];
      row.position = (siblings.get(row.parent) ?? 0) + 1;
      siblings.set(row.parent, row.position);
    }
    for (const index of this.visible) this.rows[index].siblings = siblings.get(this.rows[index].parent);
    const rem = parseFloat(getComputedStyle(document.documentElement).fontSize);
    this.tops = new Float64Array(this.visible.length + 1);
    this.visible.forEach((index, at) => {
      this.tops[at + 1] = this.tops[at] + (this.rows[index].isEntry ? ENTRY_REM : ROW_REM) * rem;
    });
    this.sizer.style.height = `${this.tops[this.visible.length]}px`;
    if (!this.visible.includes(this.active)) this.active = this.visible.includes(this.selected) ? this.selected : (this.visible[0] ?? -1);
    this.draw();
  }

  // Returns the place among the visible rows of the one at a height.
  rowAt(height) {
    let [low, high] = [0, this.visible.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.tops[middle + 1] <= height) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  draw() {
    const { scrollTop, clientHeight } = this.element;
    const first = Math.max(this.rowAt(scrollTop) - OVERSCAN, 0);
    const last = Math.min(this.rowAt(scrollTop + clientHeight) + OVERSCAN + 1, this.visible.length);
    const drawn = [];
    for (let at = first; at < last; at++) drawn.push(this.drawRow(this.rows[this.visible[at]], this.tops[at], this.tops[at + 1]));
    this.sizer.replaceChildren(...drawn);
    const isDrawn = drawn.some((each) => each.id === `row-${this.active}`);
    if (isDrawn) this.element.setAttribute("aria-activedescendant", `row-${this.active}`);
    else this.element.removeAttribute("aria-activedescendant");
  }

  drawRow(row, top, bottom) {
    const made = element("div", { id: `row-${row.index}`, class: "row", role: "treeitem" });
    made.style.top = `${top}px`;
    made.style.height = `${bottom - top}px`;
    made.classList.toggle("active", row.index === this.active);
    made.setAttribute("aria-level", row.level);
    made.setAttribute("aria-posinset", row.position);
    made.setAttribute("aria-setsize", row.siblings);
    const { node } = row;
    if (row.isEntry) {
      made.setAttribute("aria-selected", row.index === this.selected);
      const more = [node.sites, node.categories, node.performers].flat().filter(Boolean);
      const lines = [node.code, [node.issued?.slice(0, 10), ...more].filter(Boolean).join(" · ")];
      made.title = lines.join("\n");
      made.append(
        element("span", { class: "kind" }, node.kind),
        element("span", { class: "lines" }, element("span", {}, lines[0]), element("span", { class: "more" }, lines[1]))
      );
    } else {
      made.setAttribute("aria-expanded", row.isOpen);
      made.title = [node.label, node.detail].filter(Boolean).join("\n");
      made.append(
        element("span", { class: "arrow", "aria-hidden": "true" }, row.isOpen ? "▾" : "▸"),
        element("span", { class: "label" }, node.label),
        element("span", { class: "number" }, row.count.toLocaleString("en"))
      );
    }
    return made;
  }

  // Makes a row the active one, in the middle if it is `jumped` to and was not seen; a selection is also shown.
  moveTo(index, jumped = false) {
    if (index === undefined || index < 0) return;
    this.active = index;
    const at = this.visible.indexOf(index);
    const { scrollTop, clientHeight } = this.element;
    const isSeen = this.tops[at] >= scrollTop && this.tops[at + 1] <= scrollTop + clientHeight;
    if (jumped && !isSeen) this.element.scrollTop = (this.tops[at] + this.tops[at + 1] - clientHeight) / 2;
    else if (this.tops[at] < scrollTop) this.element.scrollTop = this.tops[at];
    else if (this.tops[at + 1] > scrollTop + clientHeight) this.element.scrollTop = this.tops[at + 1] - clientHeight;
    const row = this.rows[index];
    if (row.isEntry && index !== this.selected) {
      this.selected = index;
      this.chosen(row.node);
    }
    this.draw();
  }

  // Shows the selection with this key, opening what it is in; false if there is none, or it is filtered out.
  moveToKey(key) {
    const index = this.found.find((each) => this.rows[each].node.key === key);
    if (index === undefined) return false;
    for (let at = this.rows[index].parent; at >= 0; at = this.rows[at].parent) this.rows[at].isOpen = true;
    this.arrange();
    this.moveTo(index, true);
    return true;
  }

  // Shows the next selection (1) or the one before (-1).
  step(direction) {
    const from = this.selected >= 0 ? this.selected : this.active;
    const found = direction > 0 ? this.found.find((each) => each > from) : this.found.findLast((each) => each < from);
    if (found !== undefined) this.moveToKey(this.rows[found].node.key);
  }

  toggle(row, open) {
    row.isOpen = open;
    this.arrange();
  }

  clicked(event) {
    const drawn = event.target.closest(".row");
    if (!drawn) return;
    const row = this.rows[Number(drawn.id.slice("row-".length))];
    if (!row.isEntry) this.toggle(row, !row.isOpen);
    this.moveTo(row.index);
  }

  pressed(event) {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    const at = this.visible.indexOf(this.active);
    const row = this.rows[this.active];
    const page = Math.max(Math.floor(this.element.clientHeight / (this.tops[1] || 1)) - 1, 1);
    const last = this.visible.length - 1;
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: last, PageDown: at + page, PageUp: at - page }[event.key];
    if (to !== undefined) this.moveTo(this.visible[Math.min(Math.max(to, 0), last)]);
    else if (event.key === "ArrowRight" && row && !row.isEntry) {
      if (row.isOpen) this.moveTo(this.visible[Math.min(at + 1, last)]);
      else this.toggle(row, true);
    } else if (event.key === "ArrowLeft" && row) {
      if (!row.isEntry && row.isOpen) this.toggle(row, false);
      else this.moveTo(row.parent);
    } else if ((event.key === "Enter" || event.key === " ") && row) {
      if (row.isEntry) {
        this.moveTo(row.index);
        if (event.key === "Enter") this.entered();
      } else this.toggle(row, !row.isOpen);
    } else return;
    event.preventDefault();
    event.stopPropagation();
  }
}
