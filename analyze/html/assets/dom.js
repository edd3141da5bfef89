// Elements made by hand: text is only ever set as text, so no name in a capture can become markup.

function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value === true) made.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) made.setAttribute(name, value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

const byId = (id) => document.getElementById(id);

// A choice among a few: buttons of which one is pressed.
function choices(label, options, chosen, choose) {
  const group = element("div", { class: "choices", role: "group", "aria-label": label });
  for (const [value, text] of options) {
    const button = element("button", { type: "button", "aria-pressed": String(value === chosen) }, text);
    button.addEventListener("click", () => {
      for (const other of group.children) other.setAttribute("aria-pressed", String(other === button));
      choose(value);
    });
    group.append(button);
  }
  return group;
}

function searchBox(label, changed) {
  const input = element("input", { type: "search", placeholder: label, "aria-label": label, spellcheck: "false" });
  let waiting = 0;
  input.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => changed(input.value.trim().toLowerCase()), 120);
  });
  return input;
}

// Rows of label and value for the tip of a chart.
function tip(title, pairs) {
  const rows = pairs.filter(Boolean).map(([name, value]) => element("div", {}, element("span", {}, name), element("b", {}, value)));
  return element("div", { class: "tip" }, element("strong", {}, title), ...rows);
}

const empty = (text) => element("p", { class: "empty" }, text);
