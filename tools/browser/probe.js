// Tries what the page's policy is to forbid and says what of it went through;
// and whether the page's own style sheets have an effect.
(() => {
  const ran = [];
  window.probe = what => ran.push(what);

  const script = document.createElement('script');
  script.textContent = 'probe("an inline script")';
  document.head.append(script);

  const button = document.createElement('button');
  button.setAttribute('onclick', 'probe("an inline event handler")');
  document.body.append(button);
  button.click();

  try {
    new Function('probe("eval")')();
  } catch (e) {
    if (!(e instanceof EvalError)) throw e;
  }

  const style = document.createElement('style');
  style.textContent = 'button { order: 7 }';
  document.head.append(style);
  if (getComputedStyle(button).order === '7') probe('an inline style sheet');

  button.setAttribute('style', 'order: 8');
  if (getComputedStyle(button).order === '8') probe('a style attribute');

  for (const e of [script, button, style]) e.remove();

  // Every computed property of every element of the page.
  const look = () => [...document.body.querySelectorAll('*'), document.body].map(element => {
    const style = getComputedStyle(element);
    return [...style].map(name => style.getPropertyValue(name)).join();
  }).join();
  const sheets = [...document.styleSheets], styled = look();
  for (const sheet of sheets) sheet.disabled = true;
  const effective = look() !== styled;
  for (const sheet of sheets) sheet.disabled = false;

  return {ran, styled: effective};
})()
