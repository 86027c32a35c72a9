// Takes the paint from every glyph and nothing else: where currentcolor draws a
// border or an icon, that stays. The style is made by script, which the page's
// policy allows to whoever drives the browser; in a layer, an important
// declaration wins over the page's own.
(() => {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(`@layer bare {
    *, ::before, ::after { transition: none !important; -webkit-text-fill-color: transparent !important; -webkit-text-stroke-color: transparent !important }
    svg text, svg tspan { fill: transparent !important; stroke: transparent !important }
  }`);
  document.adoptedStyleSheets.push(sheet);
})()
