import { stripVTControlCharacters } from 'node:util';
import { printable } from './printable.ts';

const escape = '\u001b';
/** What `paint` puts around a cell. */
const ownColours = new RegExp(`(${escape}\\[(?:1|2|22|3[1-6]|39)m)`);

/** Columns padded to the widest cell, two spaces between; colour codes do not count. Whatever a stranger put into a cell stays in it. */
export function formatTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [head, ...rows.map((row) => row.map(oneCell))];
  const widths = head.map((_, column) => Math.max(...all.map((row) => width(row[column] ?? ''))));
  return all
    .map((row) =>
      row
        .map((cell, column) => cell + ' '.repeat((widths[column] ?? 0) - width(cell)))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

function width(cell: string): number {
  return stripVTControlCharacters(cell).length;
}

function oneCell(cell: string): string {
  return cell
    .split(ownColours)
    .map((part, index) => (index % 2 === 1 ? part : printable(part)))
    .join('');
}
