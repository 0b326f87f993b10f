// The page around bert.js: load packed weights, read what is typed and hidden, draw answers and attention.
"use strict";

const LIMIT = 128; // tokens; tiny-bert has no more positions
const PAGE = JSON.parse(document.getElementById("page").textContent); // { packs, examples, about }, from Python
const $ = (id) => document.getElementById(id);
const models = new Map(); // name of a pack → model
const hidden = new Set(); // positions of hidden tokens
let pack = null, row = null, attentions = null, received = null; // the pack in use, its tokens, what it attends to

const percent = (p, digits = 0) => `${(100 * p).toFixed(digits)}%`;
const pause = () => new Promise((resume) => setTimeout(resume)); // lets the browser paint

// Make an element; inside a drawing, one of SVG's.
function make(tag, attributes = {}, ...children) {
  const space = /^(svg|path|text|rect)$/.test(tag) ? "http://www.w3.org/2000/svg" : "http://www.w3.org/1999/xhtml";
  const element = document.createElementNS(space, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

function fill(select, labels, chosen) { // labels: [value, text]
  $(select).replaceChildren(...labels.map(([value, text]) => make("option", { value }, text)));
  $(select).value = chosen;
}

// ---------------------------------------------------------------- loading
const receive = (payload) => (received = payload); // each packed script calls this

const script = (src) => new Promise((resolve, reject) => {
  const element = make("script", { src });
  element.onload = () => resolve(element.remove());
  element.onerror = () => reject(new Error(`The file ${src} is missing. Copy the whole site, or build it again.`));
  document.head.append(element);
});

async function load({ name, label, parts, size }) {
  let head = null, bytes = null, at = 0;
  for (let part = 0; part < parts; part++) {
    $("progress").value = part / parts;
    $("status").textContent = `Loading ${label} (${size} MB): part ${part + 1} of ${parts}.`;
    await script(`demo/${name}-${part}.js`);
    if (part === 0) [head, bytes] = [received, new Uint8Array(received.bytes)];
    else for (let text = atob(received), i = 0; i < text.length; i++) bytes[at++] = text.charCodeAt(i);
    await pause();
  }
  if (at !== head.bytes) throw new Error(`The files of ${label} don't fit together. Build the site again.`);
  const vocab = new Map(head.words.map((token, id) => [token, id]));
  models.set(name, { ...head, vocab, tensors: unpack(bytes, head.tensors) });
}

// Change to a model, loaded at first use; if that fails, say why and stay with the one before.
async function use(wanted) {
  $("progress").hidden = models.has(wanted.name);
  try {
    if (!models.has(wanted.name)) await load(wanted);
    [pack, $("status").textContent] = [wanted, ""];
  } catch (error) {
    $("status").textContent = error.message;
  }
  [$("progress").hidden, $("model").value] = [true, pack?.name];
  if (pack) $("about").innerHTML = PAGE.about[pack.model];
}

// ---------------------------------------------------------------- reading
const isBlank = (position) => hidden.has(position) || row.tokens[position] === "[MASK]";
const seen = () => row.tokens.map((token, position) => (isBlank(position) ? "[MASK]" : token));

// Read both sentences; a hidden position stays hidden if its token is still the same. words: what to hide at first.
function read(words) {
  const before = row?.tokens, { config, vocab } = models.get(pack.name);
  row = encode($("text").value, $("second").value, vocab);
  for (const position of hidden) if (words || row.tokens[position] !== before[position]) hidden.delete(position);
  for (const word of words ?? []) if (row.tokens.includes(word)) hidden.add(row.tokens.indexOf(word));
  for (const [id, count] of [["layer", config.num_hidden_layers], ["head", config.num_attention_heads]])
    fill(id, [...Array(count).keys()].map((i) => [i, i]), Math.min($(id).value, count - 1));
  return answer();
}

async function choose({ text, second = "", hidden: words, layer, head }) {
  [$("text").value, $("second").value, $("from").value] = [text, second, ""]; // from the first blank
  await read(words);
  [$("layer").value, $("head").value] = [layer, head];
  drawArcs();
}

// → attention, the five likeliest words at each blank, and the probability that B follows A
function run(name, causal) {
  const model = models.get(name), h = model.config.hidden_size, ids = seen().map((token) => model.vocab.get(token));
  const { hidden: states, attentions } = encoder(model, ids, row.segments, causal);
  const best = new Map([...ids.keys()].filter(isBlank).map((position) => {
    const logits = maskedWordLogits(model, states.subarray(position * h, (position + 1) * h));
    const found = largest(softmax(logits), 5);
    return [position, found.map(([id, p]) => [model.words[id], p])];
  }));
  const follows = row.segments.includes(1) && model.nextSentence ? softmax(nextSentenceLogits(model, states))[0] : null;
  return { attentions, best, follows };
}

async function answer() {
  const problem = !tokenize($("text").value, models.get(pack.name).vocab).length
    ? "The sentence is empty. Type one, or choose an example."
    : row.tokens.length > LIMIT ? `That's ${row.tokens.length} tokens; the limit is ${LIMIT}. Shorten the text.` : "";
  drawTokens();
  for (const id of ["bars", "arcs", "attention-says", "next-sentence"]) $(id).replaceChildren();
  $("answer").textContent = problem || "Computing …";
  const mine = (attentions = {}); // unless another answer is wanted meanwhile
  await pause();
  if (problem || mine !== attentions) return;
  const runs = [["both sides", pack.name, false]];
  if ($("causal").checked) runs.push(["left only", pack.name, true]);
  else if (pack.exact) [runs[0][0], runs[1]] = [pack.exact, ["int8", PAGE.packs[0].name, false]];
  const columns = runs.map(([heading, name, causal]) => ({ heading, ...run(name, causal) }));
  const last = columns[$("causal").checked ? 1 : 0];
  attentions = last.attentions;
  drawAnswers(columns);
  $("next-sentence").textContent = !row.segments.includes(1) ? ""
    : last.follows === null ? `${pack.model} has no next-sentence head, so it can't score the second sentence.`
    : `Does the second sentence follow the first? Yes ${percent(last.follows)}, no ${percent(1 - last.follows)}.`;
  drawArcs();
}

// ---------------------------------------------------------------- drawing
function drawTokens() {
  const focused = [...$("tokens").children].indexOf(document.activeElement);
  $("tokens").replaceChildren(...seen().slice(0, LIMIT).map((token, position) => {
    const was = row.tokens[position], button = make("button", { type: "button", class: "token" }, token);
    button.classList.toggle("hidden", token === "[MASK]");
    button.disabled = /^\[(CLS|SEP|PAD|MASK)\]$/.test(was);
    if (!button.disabled) button.setAttribute("aria-pressed", hidden.has(position));
    button.setAttribute("aria-label", `${token}${token === was ? "" : `, was ${was}`}, position ${position}`);
    button.onclick = () => (hidden.delete(position) || hidden.add(position), answer());
    button.onfocus = button.onpointerenter = () => drawArcs(position);
    return button;
  }));
  $("tokens").children[focused]?.focus();
  fill("from", [["all", "every token"], ...seen().map((token, i) => [i, `${i} ${token}`])], $("from").value);
  if (!$("from").value) $("from").value = seen().includes("[MASK]") ? seen().indexOf("[MASK]") : "all";
}

function drawAnswers(columns) {
  const blanks = [...columns[0].best.keys()], say = ([word, p], heading) => `“${word}” (${percent(p)}, ${heading})`;
  const line = (p) => `Position ${p}: ${columns.map(({ heading, best }) => say(best.get(p)[0], heading)).join(", ")}.`;
  $("answer").textContent = blanks.map(line).join(" ") || "No token is hidden yet. Press one.";
  const item = (position) => ([word, p]) => make("li", word === row.tokens[position] ? { class: "yours" } : {},
    make("span", { class: "word" }, word),
    make("span", { class: "track" }, make("span", { class: "bar", style: `width:${100 * p}%` })),
    make("span", { class: "percent" }, percent(p, 1)));
  $("bars").replaceChildren(...blanks.map((position) => make("div", { class: "blank" },
    make("h3", {}, `Position ${position}` + (hidden.has(position) ? `, where you hid “${row.tokens[position]}”` : "")),
    ...columns.map(({ heading, best }) => make("div", { class: "column" },
      make("p", {}, heading), make("ol", {}, ...best.get(position).map(item(position))))))));
}

// Who attends to whom: from the left column to the right one, each arc as wide as its weight.
function drawArcs(from = $("from").value) {
  $("from").value = from;
  if (!attentions?.length) return;
  const layer = $("layer").value, head = $("head").value, weights = attentions[layer][head];
  const tokens = seen(), step = 26, y = (position) => step * position + 18, every = from === "all";
  const svg = make("svg", { width: 350, height: step * tokens.length + 10, "aria-hidden": true });
  const label = (x, i, text, kind) => svg.append(make("text", { x, y: y(i), class: kind }, text));
  const short = (token) => (token.length > 11 ? `${token.slice(0, 10)}…` : token);
  tokens.forEach((token, i) => {
    if (every || +from === i) weights[i].forEach((weight, j) => {
      const d = `M128 ${y(i) - 5}C164 ${y(i) - 5} 162 ${y(j) - 5} 198 ${y(j) - 5}`;
      if (weight < (every ? 0.05 : 0.005)) return;
      svg.append(make("path", { d, class: "arc", "stroke-width": Math.max(0.5, 14 * weight) }));
      if (!every) label(240, j, percent(weight), "weight");
    });
    label(122, i, short(token), +from === i ? "query chosen" : "query");
    label(248, i, short(token), "key");
    const area = make("rect", { x: 0, y: y(i) - 18, width: 128, height: step, class: "area" });
    area.onpointerenter = () => drawArcs(i);
    svg.append(area);
  });
  $("arcs").replaceChildren(svg);
  const most = every ? [] : largest(weights[from], 3).filter(([, weight]) => weight >= 0.005)
    .map(([j, weight]) => `“${tokens[j]}” at ${j} (${percent(weight)})`);
  $("attention-says").textContent = every ? "Weights below 5% are left out. Point at a token to see all of its weights."
    : `In layer ${layer}, head ${head}, “${tokens[from]}” at ${from} attends most to ${most.join(", ")}.`;
}

// ---------------------------------------------------------------- start
async function start() {
  if (typeof unpack !== "function") return; // bert.js was too new for this browser: the line that is there says so
  fill("example", PAGE.examples.map(({ text }, i) => [i, text]), 0);
  fill("model", PAGE.packs.map(({ name, label, size }) => [name, `${label} (${size} MB)`]), PAGE.packs[0].name);
  await use(PAGE.packs[0]);
  if (!pack) return;
  for (const part of document.querySelectorAll("#demo fieldset")) part.disabled = false;
  let timer = null, queue = Promise.resolve();
  const edited = () => (clearTimeout(timer), (timer = setTimeout(read, 300)), ($("example").selectedIndex = -1));
  $("text").oninput = $("second").oninput = edited;
  $("example").onchange = () => choose(PAGE.examples[$("example").value]);
  $("causal").onchange = answer;
  $("layer").onchange = $("head").onchange = $("from").onchange = () => drawArcs();
  $("model").onchange = () => {
    const wanted = PAGE.packs.find(({ name }) => name === $("model").value);
    queue = queue.then(() => use(wanted)).then(() => read());
  };
  await choose(PAGE.examples[0]);
}

start();
