// Start the deck once its formulas are set, and make every page fit.

const FIGURE = [28, 26, 24]; // font sizes of a page with a figure, in pixels, and of one without
const SMALL = 180_000; // pixels that a figure has to cover to stay beside code
const TEXT = [40, 36, 34, 32, 30, 28, 26, 24];

const shown = (elements) => [...elements].filter((element) => element.getClientRects().length);
const overflows = (box) => box.scrollHeight > box.clientHeight + 1 || box.scrollWidth > box.clientWidth + 1;

// How many pixels a figure covers: it keeps its shape inside of its box.
function area(figure) {
  const [width, height] = figure.naturalWidth
    ? [figure.naturalWidth, figure.naturalHeight]
    : [figure.viewBox.baseVal.width, figure.viewBox.baseVal.height];
  return width * height * Math.min(figure.clientWidth / width, figure.clientHeight / height) ** 2;
}

// Choose font size and layout: the largest figure, or else the largest text. What was there before an answer came up
// stays if there is room; lines of code and of output are wrapped only if they must be.
function fit(page) {
  const figures = () => shown(page.querySelectorAll(".look > img, .look > p > img, .look svg"));
  const set = (size, layout, room) => {
    page.style.fontSize = `${size}px`;
    for (const name of ["beside", "gives-way", "figure", "alone", "wraps"]) {
      page.classList.toggle(name, `${layout} ${room}`.split(" ").includes(name));
    }
    return ![page, ...shown(page.querySelectorAll(".look, .look pre"))].some(overflows);
  };
  const answers = shown(page.querySelectorAll(".fragment.visible .look"));
  const drawn = answers.some((look) => look.querySelector("img, svg"));
  let best = [-1, 24, "below", "gives-way alone wraps"];
  for (const room of ["", "gives-way figure", "gives-way", "gives-way alone", "gives-way wraps", best[3]]) {
    set(24, "below", room);
    const beside = !answers.length || room.startsWith("gives-way") && !room.includes("figure");
    if (answers.length && figures().length && (!room || drawn && room.includes("figure"))) continue;
    for (const size of room.includes("wraps") ? [24] : figures().length ? FIGURE : TEXT) {
      for (const layout of beside ? ["below", "beside"] : ["below"]) {
        if (!set(size, layout, room)) continue;
        const score = figures().reduce((sum, figure) => sum + area(figure), 0);
        if (room.includes("figure") && score < SMALL) continue;
        if (score > 1.1 * best[0] || best[0] < 0) best = [score, size, layout, room];
      }
    }
    if (best[0] >= 0) break;
  }
  set(...best.slice(1));
}

function start() {
  const now = () => fit(Reveal.getCurrentSlide());
  for (const event of ["ready", "slidechanged", "fragmentshown", "fragmenthidden"]) Reveal.on(event, now);
  Reveal.initialize({
    width: 1280, height: 720, margin: 0, center: false, hash: true, transition: "none", slideNumber: "c/t",
    navigationMode: "linear", controls: false,
    scrollActivationWidth: null, // no scrolling view on phones: a page keeps its shape
    plugins: [RevealNotes], // "s" opens the speaker's view
  });
}

window.MathJax = {
  tex: { inlineMath: [["$", "$"]], processEscapes: true },
  startup: { pageReady: () => MathJax.startup.defaultPageReady().then(start) },
};
