// Measures the page: the value of this expression is what facts.go declares.
// Lengths are CSS pixels from the page's upper left corner.
(() => {
  const root = document.documentElement;
  const layout = {width: root.clientWidth, height: root.clientHeight};

  // Any CSS colour, as the red, green, blue and alpha that are painted.
  const canvas = document.createElement('canvas');
  canvas.width = canvas.height = 1;
  const paint = canvas.getContext('2d', {willReadFrequently: true});
  const rgba = colour => {
    paint.clearRect(0, 0, 1, 1);
    paint.fillStyle = colour;
    paint.fillRect(0, 0, 1, 1);
    return [...paint.getImageData(0, 0, 1, 1).data];
  };

  const ancestors = function* (element) {
    for (; element; element = element.parentElement) yield element;
  };

  // What else than its colour decides on how a text looks.
  const effects = element => {
    const found = new Set();
    for (const e of ancestors(element)) {
      const style = getComputedStyle(e);
      if (style.opacity !== '1') found.add('opacity');
      if (style.filter !== 'none') found.add('filter');
      if (style.mixBlendMode !== 'normal') found.add('mix-blend-mode');
      if (style.maskImage !== 'none') found.add('mask');
      if (style.backgroundClip.includes('text')) found.add('background-clip');
    }
    return [...found];
  };

  // Where on the page an element's content can be seen, or scrolled to.
  const hides = value => value !== 'visible';
  const seen = element => {
    const box = {left: 0, top: 0, right: layout.width, bottom: Infinity};
    for (const e of ancestors(element)) {
      const style = getComputedStyle(e);
      if (e === root || e === document.body) {
        // Their overflow is that of the viewport, which scrolls by default.
        if (['hidden', 'clip'].includes(style.overflowY)) box.bottom = Math.min(box.bottom, layout.height);
        continue;
      }
      const r = e.getBoundingClientRect();
      const left = r.left + e.clientLeft + scrollX, top = r.top + e.clientTop + scrollY;
      if (hides(style.overflowX)) {
        box.left = Math.max(box.left, left);
        box.right = Math.min(box.right, left + e.clientWidth);
      }
      if (hides(style.overflowY)) {
        box.top = Math.max(box.top, top);
        box.bottom = Math.min(box.bottom, top + e.clientHeight);
      }
    }
    return box;
  };

  const texts = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode, element = node.parentElement, style = getComputedStyle(element);
    const range = document.createRange();
    range.selectNodeContents(node);
    const boxes = [...range.getClientRects()].filter(r => r.width > 0 && r.height > 0);
    if (!node.data.trim() || boxes.length === 0 || style.visibility !== 'visible') continue;
    const box = seen(element);
    const slack = 1; // for rounding
    texts.push({
      element: element.localName,
      text: node.data.trim().replace(/\s+/g, ' '),
      size: parseFloat(style.fontSize) * visualViewport.scale,
      weight: +style.fontWeight,
      color: rgba(element instanceof SVGElement ? style.fill : style.webkitTextFillColor),
      effects: effects(element),
      boxes: boxes.map(r => ({x: r.left + scrollX, y: r.top + scrollY, width: r.width, height: r.height})),
      clipped: boxes.some(r =>
        r.left + scrollX < box.left - slack || r.right + scrollX > box.right + slack ||
        r.top + scrollY < box.top - slack || r.bottom + scrollY > box.bottom + slack),
    });
  }

  const hints = document.querySelectorAll('link[rel~=preconnect i], link[rel~=dns-prefetch i]');
  return {
    title: document.title,
    heading: document.querySelector('h1')?.innerText ?? '',
    text: document.body.innerText,
    layoutWidth: layout.width,
    contentWidth: Math.max(root.scrollWidth, document.body.scrollWidth),
    contentHeight: Math.max(root.scrollHeight, layout.height),
    hints: [...hints].map(link => link.href),
    texts,
  };
})()
