import { createInterface } from 'node:readline/promises';
import { CliError } from './errors.ts';
import { printable } from './printable.ts';
import type { Run } from './run.ts';

/**
 * Asks before something that cannot be taken back; the plan has been shown. `yes` is the answer given on the command line.
 * Without a terminal there is nobody to ask: rejects with 'usage' unless `yes`.
 */
export async function confirm(
  { io, signal }: Run,
  question: string,
  { yes = false }: { yes?: boolean | undefined },
): Promise<void> {
  if (yes) return;
  if (!io.stdin.isTTY || !io.stderr.isTTY)
    throw new CliError('usage', `There is no terminal to ask on: ${question}`, {
      hint: 'Give --yes once you have seen what it would do.',
    });
  const lines = createInterface({ input: io.stdin, output: io.stderr, terminal: true });
  lines.once('SIGINT', () => process.kill(process.pid, 'SIGINT'));
  try {
    const answer = await lines.question(`${printable(question)} [y/N] `, { signal });
    if (/^y(es)?$/i.test(answer.trim())) return;
  } finally {
    lines.close();
  }
  throw new CliError('interrupted', 'Nothing was done.');
}
