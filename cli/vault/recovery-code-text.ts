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

/** The sheet that is printed once. `of`: whose repository; `where`: for `--repository`; `slot`: its short name; `date`: `2026-11-21`. */
export function formatRecoverySheet({
  words,
  of,
  where,
  slot,
  date,
}: {
  words: readonly string[];
  of: string;
  where: string;
  slot: string;
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
    `    holdfast snapshot list --recovery-code-file FILE --repository ${where}`,
    '    holdfast restore machine.yaml --recovery-code-file FILE',
    '',
    'FILE is this sheet, or the words alone; capitals and line breaks do not matter. If it was lost or seen by others: add',
    'a new one (holdfast vault key add --recovery-code), then remove this one:',
    '',
    `    holdfast vault key remove ${slot}`,
  ].join('\n');
}

/** The words of the sheet as it was printed, with everything around them; undefined unless each number from 1 to 24 stands there once. */
export function numberedWords(text: string): string | undefined {
  // Around them there may be what looks like one, such as a path with a number and a word.
  return wordsOf(text) ?? wordsOf(text.split(/\r?\n/).filter(isOfWords).join('\n'));
}

function isOfWords(line: string): boolean {
  return /^\s*(?:\d{1,2}[.:)]?[ \t]+[a-z]{3,8}\s*)+$/i.test(line);
}

function wordsOf(text: string): string | undefined {
  const found = [...text.matchAll(/(?<![\d-])(\d{1,2})[.:)]?[ \t]+([a-z]{3,8})(?![a-z])/gi)];
  const words = new Map(found.map(([, number, word]) => [Number(number), word]));
  const inOrder = Array.from({ length: 24 }, (_, at) => words.get(at + 1));
  if (found.length !== 24 || inOrder.includes(undefined)) return undefined;
  return inOrder.join(' ');
}
