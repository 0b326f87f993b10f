// Returns the visible texts of a page that are hard to read: too little contrast (WCAG 2.1, level AA) or too small.
() => {
  const pixel = Object.assign(document.createElement("canvas"), { width: 1, height: 1 }).getContext("2d", {
    willReadFrequently: true,
  });

  // Any CSS colour as [red, green, blue, alpha], the first three in 0…255.
  const parse = (colour) => {
    pixel.clearRect(0, 0, 1, 1);
    pixel.fillStyle = colour;
    pixel.fillRect(0, 0, 1, 1);
    const [red, green, blue, alpha] = pixel.getImageData(0, 0, 1, 1).data;
    return [red, green, blue, alpha / 255];
  };

  const over = ([r, g, b, alpha], below) => [r, g, b].map((value, i) => alpha * value + (1 - alpha) * below[i]);

  const ancestors = (element) => (element ? [element, ...ancestors(element.parentElement)] : []);

  const background = (element) =>
    ancestors(element).reduceRight((below, e) => over(parse(getComputedStyle(e).backgroundColor), below), [255, 255, 255]);

  const luminance = (colour) => {
    const [red, green, blue] = colour.map((value) => value / 255).map((v) =>
      v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };

  const contrast = (one, other) => {
    const [dark, light] = [luminance(one), luminance(other)].sort((a, b) => a - b);
    return (light + 0.05) / (dark + 0.05);
  };

  const found = [];
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const element = texts.currentNode.parentElement, text = texts.currentNode.data.trim();
    const box = element.getBoundingClientRect();
    const drawn = box.width > 1 && box.height > 1 && element.checkVisibility({ visibilityProperty: true });
    if (!text || !drawn || element.closest("script, style, noscript, mjx-container")) continue;
    const style = getComputedStyle(element), size = parseFloat(style.fontSize);
    const [r, g, b, alpha] = parse(style.color);
    const opacity = ancestors(element).reduce((all, e) => all * parseFloat(getComputedStyle(e).opacity), alpha);
    const behind = background(element);
    const ratio = contrast(over([r, g, b, opacity], behind), behind);
    const large = size >= 24 || (size >= 18.66 && parseInt(style.fontWeight) >= 700);
    const where = `${element.tagName.toLowerCase()}.${element.className} "${text.slice(0, 40)}"`;
    if (ratio < (large ? 3 : 4.5)) found.push(`contrast ${ratio.toFixed(2)}: ${where}`);
    if (size < 14 && !element.closest("sub, sup")) found.push(`${size.toFixed(1)} px: ${where}`);
  }
  return found;
}
