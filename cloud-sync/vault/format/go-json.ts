/** Needs no escape in JSON, and Go has none for it either. */
const plain = /^[ !#-%'-;=?-[\]-~]*$/;
const escapedByGo = /[<>&\u2028\u2029]/g;

/** Text as Go's encoding/json writes it, quotes included, so that a tree of restic's encodes to the same bytes again. */
export function goJsonText(text: string): string {
  if (plain.test(text)) return `"${text}"`;
  return JSON.stringify(text.toWellFormed()).replace(
    escapedByGo,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
