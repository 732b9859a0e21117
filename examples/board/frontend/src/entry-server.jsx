// The server bundle: what Render calls to turn a route and its data into HTML.

import { Store } from "mizan-react";
import { renderToReadableStream, renderToString } from "react-dom/server";

import { App } from "./app.jsx";
import { titles } from "./titles.js";

export { scripts, styles } from "virtual:client-assets";

export const mizanBundle = 1;
export const lang = "en";

/** The inner HTML of #root. */
export const render = (ssr) => renderToString(tree(ssr));

export const renderStream = (ssr, options) => renderToReadableStream(tree(ssr), options);

/** HTML for <head>. */
export function head(ssr) {
  const title = titles[ssr.page](ssr.contexts[0]?.data);
  return [
    `<title>${escapeHtml(title)}</title>`,
    '<meta name="description" content="A small message board: Django and React, deployed by Mizan.">',
    `<link rel="icon" href="${import.meta.env.BASE_URL}favicon.svg" type="image/svg+xml">`,
  ].join("");
}

const tree = (ssr) => <App store={new Store(ssr.contexts, neverFetch)} start={ssr} />;

function neverFetch() {
  throw new Error("nothing is fetched while rendering on the server");
}

const ENTITIES = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };
const escapeHtml = (text) => text.replace(/[&<>"]/g, (character) => ENTITIES[character]);
