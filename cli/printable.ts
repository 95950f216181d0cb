/** Text of a stranger on one line of a terminal: nothing in it moves the cursor, changes colours or turns the writing round. */
export function printable(text: string): string {
  return text.replaceAll(/[\p{C}\s]+/gu, ' ');
}

/** The same with its spaces as they are: those of ours around it keep a bar from moving. */
export function printableInPlace(text: string): string {
  return text.replaceAll(/[\p{C}\p{Zl}\p{Zp}]+/gu, ' ');
}

/** The same for text that has to keep its value: what JSON leaves as it is comes as its escapes. */
export function escapeControls(text: string): string {
  return text.replaceAll(/\p{C}/gu, (character) =>
    character.replaceAll(/[^]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`),
  );
}

/** The same for text of several lines, whose line breaks and tabs stay. */
export function escapeLines(text: string): string {
  return outside(/([\n\t])/, text, escapeControls);
}

/** The same for text that `paint` coloured: of what could move the terminal only its colours are left. */
export function escapePainted(text: string): string {
  // Of the lines of a long list nearly all have none.
  return anyControl.test(text) ? outside(ownColours, text, escapeLines) : text;
}

const anyControl = /[^\P{C}\n\t]/u;

/** `printable` for one cell of a table, which `paint` may have coloured. */
export function printablePainted(text: string): string {
  return outside(ownColours, text, printable);
}

const escape = '\u001b';
/** What `paint` puts around a text. */
const ownColours = new RegExp(`(${escape}\\[(?:1|2|22|3[1-6]|39)m)`);

/** `change` for all of the text but what `kept`, one group, matches. */
function outside(kept: RegExp, text: string, change: (part: string) => string): string {
  return text
    .split(kept)
    .map((part, index) => (index % 2 === 1 ? part : change(part)))
    .join('');
}
