// Reads multipart/form-data with the headers of each part as they were sent: what the vendor
// makes of a part depends on its file name and content type.

import { Refusal } from "./answers.mjs";

/**
 * @param {string} contentType of the request @param {Buffer} body
 * @returns {{ name: string, fileName?: string, type?: string, content: Buffer }[]}
 */
export function readMultipart(contentType, body) {
  const boundary = /^multipart\/form-data;.*boundary=(?:"([^"]+)"|([^;\s]+))/i.exec(contentType);
  if (!boundary) throw malformed("not multipart/form-data with a boundary");
  const delimiter = Buffer.from(`--${boundary[1] ?? boundary[2]}`);
  const parts = [];
  let at = body.indexOf(delimiter);
  if (at < 0) throw malformed("the boundary does not occur");
  for (;;) {
    at += delimiter.length;
    if (body.subarray(at, at + 2).toString() === "--") return parts;
    if (body.subarray(at, at + 2).toString() !== "\r\n") throw malformed("a boundary without end");
    const end = body.indexOf(Buffer.concat([Buffer.from("\r\n"), delimiter]), at);
    if (end < 0) throw malformed("the last boundary is missing");
    parts.push(readPart(body.subarray(at + 2, end)));
    at = end + 2;
  }
}

/** @param {Buffer} part */
function readPart(part) {
  const end = part.indexOf("\r\n\r\n");
  if (end < 0) throw malformed("a part without headers");
  const headers = new Map();
  for (const line of part.subarray(0, end).toString().split("\r\n")) {
    const colon = line.indexOf(":");
    headers.set(line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim());
  }
  const disposition = headers.get("content-disposition") ?? "";
  const name = parameter(disposition, "name");
  if (name === undefined) throw malformed("a part without a name");
  return {
    name,
    fileName: parameter(disposition, "filename"),
    type: headers.get("content-type"),
    content: part.subarray(end + 4),
  };
}

function parameter(disposition, name) {
  const found = new RegExp(`;\\s*${name}="((?:[^"\\\\]|\\\\.)*)"`).exec(disposition);
  return found?.[1].replace(/%22/g, '"').replace(/\\(.)/g, "$1");
}

const malformed = (what) => new Refusal(400, 10001, `The multipart body is malformed: ${what}.`);
