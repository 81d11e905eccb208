// Elements, and what a screen reader is told. Strings become text nodes: nothing of a token or an answer becomes markup.

export const byId = (id) => document.getElementById(id);

/** Make an element of attributes (of ours, never of an answer) and of children: elements, or strings for text. */
export function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

/** Tell what has happened, in one sentence, to who cannot see it. */
export function say(text) {
  byId("status").textContent = text;
}

/** Make a button that copies what `text()` gives when it is pressed. */
export function copyButton(label, text) {
  const button = element("button", { type: "button", class: "quiet" }, label);
  button.addEventListener("click", () => copy(button, text()));
  return button;
}

/** Copy a text, and say so on the button. */
export async function copy(button, text) {
  const label = button.dataset.label ?? button.textContent;
  button.dataset.label = label;
  const done = await navigator.clipboard.writeText(text).then(() => true, () => false);
  button.textContent = done ? "Copied" : "Not copied";
  say(done ? "Copied." : "The browser does not let this page copy: select the text instead.");
  setTimeout(() => { button.textContent = label; }, 1500);
}
