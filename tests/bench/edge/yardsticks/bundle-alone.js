// A yardstick: what the bundle's own `renderToString` takes in workerd, with no document around it.

import { render } from "./bundle.js";

const HTML = { headers: { "Content-Type": "text/html; charset=utf-8" } };

export default {
  /** The same question that Render is asked. @param {Request} request */
  async fetch(request) {
    const { page, props, contexts } = await request.json();
    return new Response(await render({ v: 1, page, props, contexts }), HTML);
  },
};
