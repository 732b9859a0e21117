// A server bundle without React: enough to see what Render does with one.

export const mizanBundle = 1;
export const scripts = ["/static/assets/entry-client-8f3aB2c1.js"];
export const styles = ["/static/assets/style-1a2b3c4D.css"];
export const lang = "nl";

const escaped = (text) => text.replace(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`);
const inner = (ssr) =>
  `<main data-page="${ssr.page}">${escaped(JSON.stringify(ssr.contexts))}${more(ssr.page)}</main>`;

let rendered = 0;
/** What a page shows that is not in its data. */
const UNSTEADY = {
  Clock: () => new Date().getFullYear(),
  Dice: () => Math.random(),
  Place: () => new Date(0).toLocaleDateString(),
  Prices: () => new Intl.NumberFormat().format(1234.5),
  Counter: () => ++rendered,
  Steady: () => [new Date(0).toISOString(), new Date(0) instanceof Date, (1234.5).toFixed(1)],
};
const more = (page) => UNSTEADY[page]?.() ?? "";

const throws = (ssr) => ssr.page === "Throws" || ssr.contexts.some(({ data }) => data.throws);

export const head = (ssr) => `<title>${escaped(ssr.page)}</title>`;

export function render(ssr) {
  if (throws(ssr)) throw new Error("this component always throws");
  return inner(ssr);
}

export async function renderStream(ssr, { onError }) {
  if (throws(ssr)) setTimeout(onError, 0, new Error("a part of the page threw"));
  const text = inner(ssr).replace("<main", '<main data-streamed="yes"');
  const { readable, writable } = new TransformStream();
  const writer = writable.getWriter();
  // Its beginning leaves before its end is there.
  writer.write(new TextEncoder().encode(text.slice(0, 10)));
  setTimeout(async () => {
    await writer.write(new TextEncoder().encode(text.slice(10)));
    await writer.close();
  }, 10);
  return readable;
}
