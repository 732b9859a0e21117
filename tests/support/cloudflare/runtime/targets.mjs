// What processes can reach through the router, each under a short id that goes into a header.

export class Targets {
  #ids = new Map();
  #targets = new Map();

  /** @param {{ kind: string }} target @returns {string} */
  idOf(target) {
    const key = JSON.stringify(target);
    if (!this.#ids.has(key)) {
      const id = `t${this.#ids.size + 1}`;
      this.#ids.set(key, id);
      this.#targets.set(id, target);
    }
    return this.#ids.get(key);
  }

  get(id) {
    return this.#targets.get(id);
  }
}
