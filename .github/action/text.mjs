// Text of others (names, logs, vendors' messages), made fit for a log and for Markdown.

import { stripVTControlCharacters } from "node:util";

/** What reorders the text around it (Unicode UAX #9). */
const BIDI = /[\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

/**
 * Without what moves a cursor, changes colours or turns the reading direction around; lines stay lines.
 * @param {string} text
 */
export function printable(text) {
  return stripVTControlCharacters(text)
    .replace(BIDI, "")
    .replace(/[^\P{Cc}\n]/gu, " ");
}

/**
 * Numeric entities are text to Markdown, whatever they stand for.
 * @param {string} text
 */
export function encoded(text) {
  return text.replace(/[^\p{Alphabetic}\p{N} \-/,→]/gu, (char) => `&#${char.codePointAt(0)};`);
}

/**
 * As mizan's own Markdown has it: it can end nothing, open no tag, mention nobody and link nowhere.
 * @param {string} text
 */
export function foreign(text) {
  return printable(text)
    .split("\n")
    .map((line) => `<code>${encoded(line)}</code>`)
    .join("<br>");
}
