// A server bundle without React: enough to see what Render does with one.

export const mizanBundle = 1;
export const scripts = ["/static/assets/entry-client-8f3aB2c1.js"];
export const styles = ["/static/assets/style-1a2b3c4D.css"];
export const lang = "nl";

const escaped = (text) => text.replace(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`);
const inner = (ssr) =>
  `<main data-page="${ssr.page}">${escaped(JSON.stringify(ssr.contexts))}</main>`;

export const head = (ssr) => `<title>${escaped(ssr.page)}</title>`;

export function render(ssr) {
  if (ssr.page === "Throws") throw new Error("this component always throws");
  return inner(ssr);
}

export async function renderStream(ssr) {
  const text = inner(ssr).replace("<main", '<main data-streamed="yes"');
  return new Blob([text]).stream();
}
