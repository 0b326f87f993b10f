// Returns the visible texts of a page that are hard to read: too little contrast (WCAG 2.1, level AA) or too small.
() => {
  const remember = (compute) => {
    const known = new Map();
    return (key) => known.get(key) ?? known.set(key, compute(key)).get(key);
  };

  const pixel = Object.assign(document.createElement("canvas"), { width: 1, height: 1 }).getContext("2d", {
    willReadFrequently: true,
  });

  // Any CSS colour as red, green and blue, 0 to 255, and alpha, 0 to 1.
  const parse = remember((colour) => {
    pixel.clearRect(0, 0, 1, 1);
    pixel.fillStyle = colour;
    pixel.fillRect(0, 0, 1, 1);
    const [red, green, blue, alpha] = pixel.getImageData(0, 0, 1, 1).data;
    return [red, green, blue, alpha / 255];
  });

  const over = ([red, green, blue, alpha], below) =>
    [red, green, blue].map((value, i) => alpha * value + (1 - alpha) * below[i]);

  // What is painted behind an element, and how opaque it is, with all that it stands in.
  const behind = remember((element) => {
    if (!element) return { colour: [255, 255, 255], opacity: 1 };
    const style = getComputedStyle(element), below = behind(element.parentElement);
    return {
      colour: over(parse(style.backgroundColor), below.colour),
      opacity: below.opacity * parseFloat(style.opacity),
    };
  });

  const luminance = (colour) => {
    const [red, green, blue] = colour.map((value) => value / 255).map((value) =>
      value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };

  const contrast = (one, other) => {
    const [dark, light] = [luminance(one), luminance(other)].sort((a, b) => a - b);
    return (light + 0.05) / (dark + 0.05);
  };

  const holders = new Set();
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) if (texts.currentNode.data.trim()) holders.add(texts.currentNode.parentElement);

  const found = [];
  for (const element of holders) {
    if (element.closest("script, style, noscript, mjx-container")) continue;
    if (!element.checkVisibility({ visibilityProperty: true, opacityProperty: true })) continue;
    const box = element.getBoundingClientRect();
    if (box.width <= 1 || box.height <= 1) continue; // for screen readers only
    const style = getComputedStyle(element), size = parseFloat(style.fontSize);
    const [red, green, blue, alpha] = parse(style.color);
    const { colour, opacity } = behind(element);
    const ratio = contrast(over([red, green, blue, alpha * opacity], colour), colour);
    const large = size >= 24 || (size >= 18.66 && parseInt(style.fontWeight) >= 700);
    const where = `${element.tagName.toLowerCase()}.${element.className} "${element.textContent.trim().slice(0, 40)}"`;
    if (ratio < (large ? 3 : 4.5)) found.push(`contrast ${ratio.toFixed(2)}: ${where}`);
    if (size < 14 && !element.closest("sub, sup, tspan[dy][font-size]")) // and subscripts in diagrams
      found.push(`${size.toFixed(1)} px: ${where}`);
  }
  return found;
}
