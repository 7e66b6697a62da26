// What HTML and htmx do not do: values of sliders, dropped files, and numbers under the mouse.
"use strict";

document.addEventListener("input", (event) => {
  if (event.target.type !== "range") return;
  const output = document.querySelector(`output[for="${event.target.id}"]`);
  if (output) output.value = event.target.value;
});

// The form of an image.
const form = document.getElementById("image");
if (form) {
  const file = form.querySelector("#file");
  const drop = form.querySelector("#drop");
  const value = (id, text) => { form.querySelector(id).value = text; };
  const reset = () => { value("#stage", ""); value("#target", ""); };
  for (const name of ["dragenter", "dragover"]) {
    document.addEventListener(name, (event) => { event.preventDefault(); drop.classList.add("over"); });
  }
  for (const name of ["dragleave", "drop"]) {
    document.addEventListener(name, (event) => { event.preventDefault(); drop.classList.remove("over"); });
  }
  document.addEventListener("drop", (event) => {
    if (!event.dataTransfer.files.length) return;
    file.files = event.dataTransfer.files;
    file.dispatchEvent(new Event("change", { bubbles: true }));
  });
  file.addEventListener("change", reset, true);
  form.querySelector("#network").addEventListener("change", reset, true);
  form.querySelector("#another").addEventListener("click", () => {
    file.value = "";
    value("#sample", String(Number(form.querySelector("#sample").value) + 1));
    reset();
    htmx.trigger(form, "sample");
  });
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-stage], [data-target]");
    if (!button) return;
    if (button.dataset.stage) value("#stage", button.dataset.stage);
    if (button.dataset.target) value("#target", button.dataset.target);
    htmx.trigger(form, "sample");
  });
}

// One edge: two maps, and the window under the mouse.
const short = (x) => (Math.abs(x) >= 100 ? x.toFixed(0) : x.toFixed(2)).replace("-", "\u2212");

function paint(canvas, map) {
  const low = Math.min(...map.map((row) => Math.min(...row)));
  const high = Math.max(...map.map((row) => Math.max(...row)));
  canvas.width = map[0].length;
  canvas.height = map.length;
  const context = canvas.getContext("2d");
  map.forEach((row, y) => row.forEach((value, x) => {
    const grey = Math.round(255 * (value - low) / Math.max(high - low, 1e-12));
    context.fillStyle = `rgb(${grey} ${grey} ${grey})`;
    context.fillRect(x, y, 1, 1);
  }));
}

function frame(canvas, map, top, left, height, width) {
  paint(canvas, map);
  const context = canvas.getContext("2d");
  context.fillStyle = "rgb(226 112 32 / 55%)";
  context.fillRect(left, top, width, height);
}

function workOut(edge, parts, row, column, others) {
  const [sy, sx] = edge.stride;
  const [dy, dx] = edge.dilation;
  const kernel = edge.kernel;
  const cells = [];
  let sum = 0;
  kernel.forEach((line, i) => line.forEach((weight, j) => {
    const x = edge.input[row * sy + i * dy][column * sx + j * dx];
    sum += x * weight;
    cells.push(`<span><b>${short(x)}</b>\u00d7 ${short(weight)}</span>`);
  }));
  parts.window.style.gridTemplateColumns = `repeat(${Math.min(kernel[0].length, 7)}, auto)`;
  parts.window.innerHTML = kernel.length <= 7 ? cells.join("") : `${kernel.length} \u00d7 ${kernel[0].length} products`;
  frame(parts.input, edge.input, row * sy, column * sx,
    dy * (kernel.length - 1) + 1, dx * (kernel[0].length - 1) + 1);
  frame(parts.output, edge.output, row, column, 1, 1);
  const whole = edge.output[row][column];
  const rest = others ? ` + ${short(whole - sum - edge.bias)} from ${others} other input map${others > 1 ? "s" : ""}` : "";
  parts.sum.textContent = `row ${row + edge.first[0]}, column ${column + edge.first[1]}: sum of products ${short(sum)}${rest} + bias ${short(edge.bias)} = ${short(whole)}`;
}

function unfold(element) {
  if (element.dataset.ready) return;
  element.dataset.ready = "yes";
  const edge = JSON.parse(element.dataset.edge);
  const others = Number(element.dataset.others);
  const find = (selector) => element.querySelector(selector);
  const parts = {
    input: find("[data-map=input]"), output: find("[data-map=output]"),
    window: find(".window-numbers"), sum: element.parentElement.querySelector(".sum"),
  };
  const rows = edge.output.length;
  const columns = edge.output[0].length;
  let [row, column] = [Math.floor(rows / 2), Math.floor(columns / 2)];
  const show = () => workOut(edge, parts, row, column, others);
  const clamp = (n, most) => Math.max(0, Math.min(most - 1, n));
  parts.output.addEventListener("pointermove", (event) => {
    const box = parts.output.getBoundingClientRect();
    row = clamp(Math.floor((event.clientY - box.top) / box.height * rows), rows);
    column = clamp(Math.floor((event.clientX - box.left) / box.width * columns), columns);
    show();
  });
  parts.output.addEventListener("keydown", (event) => {
    const moves = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
    const move = moves[event.key];
    if (!move) return;
    event.preventDefault();
    row = clamp(row + move[0], rows);
    column = clamp(column + move[1], columns);
    show();
  });
  show();
}

document.addEventListener("htmx:afterSettle", () => document.querySelectorAll("[data-edge]").forEach(unfold));
