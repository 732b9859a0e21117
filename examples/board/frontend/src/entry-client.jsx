// Where the browser begins: takes over the HTML that Render sent, or renders by itself where there is none.

import { readContext, Store } from "mizan-react";
import { StrictMode } from "react";
import { createRoot, hydrateRoot } from "react-dom/client";

import { App } from "./app.jsx";
import { match } from "./router.jsx";
import "./style.css";

const rendered = window.__MIZAN_SSR_DATA__;
const root = document.getElementById("root");
const store = new Store(rendered?.contexts ?? [], readContext);
const app = (
  <StrictMode>
    <App store={store} start={rendered ?? match(location.pathname)} />
  </StrictMode>
);

if (root.hasChildNodes()) hydrateRoot(root, app);
else createRoot(root).render(app);
