const columns = 4;

/** The words of a recovery code for print: numbered, line by line, so that a copy of the block reads in order. */
export function formatWords(words: readonly string[]): string {
  const width = Math.max(...words.map((word) => word.length));
  const cells = words.map((word, at) => `${String(at + 1).padStart(2)} ${word.padEnd(width)}`);
  return Array.from({ length: Math.ceil(cells.length / columns) }, (_, row) =>
    cells
      .slice(row * columns, (row + 1) * columns)
      .join('   ')
      .trimEnd(),
  ).join('\n');
}

/** The sheet that is printed once. `of`: whose repository; `date`: `2026-11-21`. */
export function formatRecoverySheet({
  words,
  of,
  date,
}: {
  words: readonly string[];
  of: string;
  date: string;
}): string {
  return [
    `Recovery code of ${of}, made on ${date}`,
    '',
    ...formatWords(words)
      .split('\n')
      .map((line) => `    ${line}`),
    '',
    'This code alone opens all snapshots, without the device and without the passphrase. It is shown this once and is',
    'stored nowhere. Print it or write it down, keep it apart from the device, and try it before you need it:',
    '',
    '    holdfast snapshot list --recovery-code-file FILE --repository LOCATION',
    '    holdfast restore machine.yaml --recovery-code-file FILE',
    '',
    'Numbers, capitals and line breaks in FILE do not matter. Lost or seen by others? Add a new one, then remove this',
    'slot: holdfast vault key add --recovery-code; holdfast vault key remove SLOT.',
  ].join('\n');
}
