// Writes values in the text form of Cap'n Proto, which is what workerd's configuration is in.

/** Something that is already in that form, such as `void` or `embed "file"`. */
export class Raw {
  constructor(text) {
    this.text = text;
  }
}

export const embed = (file) => new Raw(`embed ${text(file)}`);

/** A value: text, a list, a struct, or what is raw already. Fields that are undefined are left out. */
export function write(value) {
  if (value instanceof Raw) return value.text;
  if (typeof value === "string") return text(value);
  if (Array.isArray(value)) return `[${value.map(write).join(", ")}]`;
  if (typeof value !== "object") return String(value);
  const fields = Object.entries(value).filter(([, field]) => field !== undefined);
  return `(${fields.map(([name, field]) => `${name} = ${write(field)}`).join(", ")})`;
}

const ESCAPES = { '"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t" };

function text(value) {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: it is they that must be escaped
  const escaped = value.replace(/["\\\u0000-\u001f\u007f]/g, (char) => {
    return ESCAPES[char] ?? `\\x${char.charCodeAt(0).toString(16).padStart(2, "0")}`;
  });
  return `"${escaped}"`;
}
