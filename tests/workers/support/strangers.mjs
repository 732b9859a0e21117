// Visitors who must never meet: each has a mark that no other answer may show, and asks for anything in any way.

import { below, oneIn, pick } from "./seeded.mjs";

const MARKS = /mark-[0-9a-f]{12}/g;

const LANGUAGES = ["nl", "en-GB,en;q=0.8", "de", "*"];
const CODINGS = ["gzip", "br, gzip", "identity", "zstd"];

export class Visitor {
  /** @param {boolean} isKnown false: somebody who is not signed in */
  constructor(isKnown) {
    this.mark = isKnown ? newMark() : null;
    this.cookies = "";
  }

  /** What nobody else may see: marks of others in an answer to this one. @param {{ text: string, headers: object }} answer */
  marksOfOthers({ text, headers }) {
    return marksIn(text + JSON.stringify(headers)).filter((mark) => mark !== this.mark);
  }

  /** Some of the headers that a browser, an app or somebody who tries things out would send. */
  headers() {
    const cookies = [
      oneIn(3) && `_ga=GA1.${below(1000)}`,
      oneIn(3) && `csrftoken=${below(1000)}`,
      this.mark && `sessionid=${this.mark}`,
      oneIn(4) && this.mark && `basket=${this.mark}`,
      this.cookies,
    ].filter(Boolean);
    const all = {
      Cookie: cookies.join("; "),
      Authorization: this.mark && oneIn(2) ? `Bearer ${this.mark}` : "",
      "Accept-Language": oneIn(2) ? pick(LANGUAGES) : "",
      "Accept-Encoding": oneIn(2) ? pick(CODINGS) : "",
      "If-None-Match": oneIn(6) ? `"${below(9)}"` : "",
      Range: oneIn(8) ? "bytes=0-9" : "",
      "Cache-Control": oneIn(6) ? pick(["no-cache", "max-age=0", "only-if-cached"]) : "",
      "X-Forwarded-For": this.mark && oneIn(4) ? this.mark : "",
      "X-Forwarded-Host": this.mark && oneIn(4) ? `${this.mark}.example` : "",
      "X-Custom": this.mark && oneIn(4) ? this.mark : "",
      "Mizan-Sequence": oneIn(8) ? `${below(9)}.${below(99)}.0.${"A".repeat(43)}` : "",
    };
    return Object.fromEntries(Object.entries(all).filter(([, value]) => value));
  }
}

/** @param {string} text @returns {string[]} */
export const marksIn = (text) => text.match(MARKS) ?? [];

function newMark() {
  const digits = Array.from({ length: 12 }, () => below(16).toString(16)).join("");
  return `mark-${digits}`;
}
