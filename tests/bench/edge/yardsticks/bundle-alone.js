// A yardstick: what the bundle's own `renderToString` takes in workerd, or its stream, with no document around it.

import { render, renderStream } from "./bundle.js";

const HTML = { headers: { "Content-Type": "text/html; charset=utf-8" } };

export default {
  /** The same question that Render is asked. @param {Request} request */
  async fetch(request) {
    const { page, props, contexts } = await request.json();
    const ssr = { v: 1, page, props, contexts };
    const isStreamed = new URL(request.url).pathname === "/stream";
    const html = isStreamed ? renderStream(ssr, { onError: console.error }) : render(ssr);
    return new Response(await html, HTML);
  },
};
