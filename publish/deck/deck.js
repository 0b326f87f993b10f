// Start the deck once its formulas are set, and make every slide fit.

const PROSE = [26, 23]; // largest and smallest font size of a slide, in pixels
const CODE = [0.85, 0.62]; // and of its code, as a share of it: with the smaller one 120 characters fit into the width

const overflows = (box) => box.scrollHeight > box.clientHeight || box.scrollWidth > box.clientWidth;

// Give the slide the largest fonts with which it and its code fit, code giving way first. If none does, it scrolls.
function fit(slide) {
  const code = slide.querySelectorAll("pre");
  let [prose, share] = [PROSE[0], CODE[0]];
  const set = () => {
    slide.style.fontSize = `${prose}px`;
    slide.style.setProperty("--code", `${share}em`);
  };
  for (set(); share > CODE[1] && [slide, ...code].some(overflows); set()) share -= 0.01;
  for (set(); prose > PROSE[1] && overflows(slide); set()) prose -= 0.5;
  slide.classList.toggle("long", overflows(slide));
}

function start() {
  Reveal.on("ready", (event) => fit(event.currentSlide));
  Reveal.on("slidechanged", (event) => fit(event.currentSlide));
  Reveal.initialize({
    width: 1280, height: 720, margin: 0, center: false, hash: true, transition: "none", slideNumber: "c/t",
    scrollActivationWidth: null, // no scrolling view on phones: a slide keeps its shape
  });
}

window.MathJax = {
  tex: { inlineMath: [["$", "$"]], processEscapes: true },
  startup: { pageReady: () => MathJax.startup.defaultPageReady().then(start) },
};
