/** Text of a stranger on one line of a terminal: nothing in it moves the cursor, changes colours or turns the writing round. */
export function printable(text: string): string {
  return text.replaceAll(/[\p{C}\s]+/gu, ' ');
}
