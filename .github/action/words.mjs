// Splits a command line into words, with the quotes of a shell and nothing else of one: nothing is expanded.

/**
 * @param {string} text
 * @returns {string[]}
 */
export function splitWords(text) {
  const words = [];
  /** @type {string | null} */
  let word = null;
  for (let at = 0; at < text.length; at += 1) {
    const char = text[at];
    if (/\s/.test(char)) {
      if (word !== null) {
        words.push(word);
      }
      word = null;
    } else if (char === "'" || char === '"') {
      const end = text.indexOf(char, at + 1);
      if (end < 0) {
        throw new Error(`the quote ${char} is never closed`);
      }
      word = (word ?? "") + text.slice(at + 1, end);
      at = end;
    } else {
      word = (word ?? "") + char;
    }
  }
  return word === null ? words : [...words, word];
}
