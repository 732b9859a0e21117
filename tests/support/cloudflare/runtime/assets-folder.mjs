// Puts a version's assets on disk, where workerd serves them from.

import fs from "node:fs/promises";
import path from "node:path";

/** @param {object} state @param {{ manifest: Record<string, { hash: string }> }} assets */
export async function writeAssets(state, { manifest }, folder) {
  await fs.mkdir(folder, { recursive: true });
  for (const [name, { hash }] of Object.entries(manifest)) {
    const file = path.join(folder, path.posix.normalize(`/${name}`));
    await fs.mkdir(path.dirname(file), { recursive: true });
    await fs.writeFile(file, state.assets.get(hash).content);
  }
}
