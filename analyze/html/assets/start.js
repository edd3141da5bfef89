// Fills the sections one after the other, so that the first is there at once, pictures when they come near the window;
// and the choice of light or dark.

const LATER = [];

// Draw once an element stands in the page and is about to be seen.
function later(holder, draw) {
  LATER.push([holder, draw]);
}

function drawWhenNear() {
  const waiting = new Map(LATER.splice(0));
  const watcher = new IntersectionObserver((entries) => {
    for (const { isIntersecting, target } of entries) {
      if (!isIntersecting) continue;
      watcher.unobserve(target);
      waiting.get(target)();
      target.dataset.drawn = "";
    }
  }, { rootMargin: "300px" });
  for (const holder of waiting.keys()) watcher.observe(holder);
}

// What is to be drawn again in other colours.
const PAINTED = [];

function start(sections) {
  const root = document.documentElement;
  const turn = (dark) => {
    root.dataset.theme = dark ? "dark" : "light";
    PAINTED.forEach((draw) => draw());
  };
  byId("theme").addEventListener("click", () => turn(root.dataset.theme !== "dark"));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", ({ matches }) => turn(matches));

  const waiting = Object.entries(sections);
  function next() {
    const [id, view] = waiting.shift();
    byId(id).append(view());
    drawWhenNear();
    if (waiting.length) setTimeout(next);
    else root.dataset.ready = "";
  }
  next();

  const links = new Map([...document.querySelectorAll("header nav a")].map((link) => [link.getAttribute("href").slice(1), link]));
  const seen = new IntersectionObserver((entries) => {
    for (const { isIntersecting, target } of entries) {
      if (isIntersecting) links.forEach((link, id) => link.toggleAttribute("aria-current", id === target.id));
    }
  }, { rootMargin: "-20% 0px -70%" });
  document.querySelectorAll("main section").forEach((section) => seen.observe(section));
}
