// Builds the board twice from the same components: for browsers (dist/static) and for workerd (dist/ssr/entry.js).

import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

// `npm run dev` passes these on. The Host stays the browser's, or Django's CSRF check would see another origin.
const DJANGO = { target: "http://127.0.0.1:8000", changeOrigin: false, ws: true };

export default defineConfig(({ command }) => ({
  base: command === "build" ? "/static/" : "/",
  plugins: [react(), clientAssets()],
  resolve: { alias: { "mizan-react": `${import.meta.dirname}/mizan-react/index.js` } },
  server: { proxy: { "/api/": DJANGO, "/ws/": DJANGO } },
  builder: {
    async buildApp(builder) {
      await builder.build(builder.environments.client); // first: the server bundle names its files
      await builder.build(builder.environments.ssr);
    },
  },
  environments: {
    client: {
      build: { outDir: "dist/static", rollupOptions: { input: "src/entry-client.jsx" } },
    },
    ssr: {
      // One module for a runtime that has no Node APIs and no node_modules: everything is inlined.
      resolve: {
        noExternal: true,
        conditions: ["workerd", "worker", "edge-light", "browser", "module"],
      },
      define: { "process.env.NODE_ENV": JSON.stringify("production") },
      build: {
        outDir: "dist/ssr",
        copyPublicDir: false,
        minify: true,
        rollupOptions: {
          input: "src/entry-server.jsx",
          output: { entryFileNames: "entry.js", format: "es", codeSplitting: false },
        },
      },
    },
  },
}));

/** The module `virtual:client-assets`: the URLs of the hashed files that the client build made. */
function clientAssets() {
  const id = "virtual:client-assets";
  let base;
  let entry;
  return {
    name: "client-assets",
    sharedDuringBuild: true,
    configResolved(config) {
      base = config.base;
    },
    writeBundle(_, bundle) {
      if (this.environment.name !== "client") return;
      entry = Object.values(bundle).find((file) => file.isEntry);
    },
    resolveId: (source) => (source === id ? `\0${id}` : null),
    load(source) {
      if (source !== `\0${id}`) return null;
      const scripts = [base + entry.fileName];
      const styles = [...entry.viteMetadata.importedCss].map((file) => base + file);
      return [
        `export const scripts = ${JSON.stringify(scripts)};`,
        `export const styles = ${JSON.stringify(styles)};`,
      ].join("\n");
    },
  };
}
