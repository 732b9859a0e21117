// The two modules that are not in this folder: the tool writes `mizan-data.js` from the schema,
// and takes `bundle.js` out of the app's image.

declare module "*/mizan-data.js" {
  const data: import("./types.d.ts").MizanData;
  export default data;
}

declare module "*/bundle.js" {
  type Bundle = import("./types.d.ts").Bundle;
  export const mizanBundle: Bundle["mizanBundle"];
  export const render: Bundle["render"];
  export const renderStream: Bundle["renderStream"];
  export const head: Bundle["head"];
  export const scripts: Bundle["scripts"];
  export const styles: Bundle["styles"];
  export const lang: Bundle["lang"];
}
