// What a version or a deployment says about itself.

import { mistake } from "./answers.mjs";

const MESSAGE = "workers/message";
const MESSAGE_BYTES = 1000;
const TAG_BYTES = 100;

/** As the vendor keeps them: a long message is cut. @param {string} trigger what made it */
export function annotationsOf(sent = {}, trigger) {
  const annotations = { ...sent, "workers/triggered_by": trigger };
  if (Buffer.byteLength(sent["workers/tag"] ?? "") > TAG_BYTES) {
    throw mistake(`a tag has at most ${TAG_BYTES} bytes`);
  }
  if (sent[MESSAGE]) annotations[MESSAGE] = cut(sent[MESSAGE], MESSAGE_BYTES);
  return annotations;
}

/** To so many bytes, and no half characters. */
const cut = (text, bytes) => {
  const kept = Buffer.from(text).subarray(0, bytes).toString();
  return kept.endsWith("\ufffd") && !text.endsWith("\ufffd") ? kept.slice(0, -1) : kept;
};
