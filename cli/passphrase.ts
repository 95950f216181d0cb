import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';
import { CliError } from './errors.ts';
import { readInput } from './files.ts';
import { printableInPlace } from './printable.ts';
import type { Run } from './run.ts';
import { setting } from './setting.ts';

const maxBytes = 4096;

/** `--passphrase-file`, else HOLDFAST_PASSPHRASE, else undefined. The last line break of the file is not part of it. */
export async function readPassphrase(
  { io }: Run,
  { passphraseFile }: { passphraseFile?: string },
): Promise<string | undefined> {
  if (passphraseFile === undefined) return setting(io.env, 'HOLDFAST_PASSPHRASE');
  const text = await readInput(io, passphraseFile, { what: 'passphrase file', maxBytes });
  const passphrase = text.replace(/\r?\n$/, '');
  if (passphrase !== '') return passphrase;
  throw new CliError('noPassphrase', `The passphrase file ${passphraseFile} is empty.`);
}

/** Asks on the terminal without echo, or reads the first line of piped stdin. */
export async function askSecret({ io, signal }: Run, prompt: string): Promise<string> {
  if (!io.stdin.isTTY) {
    const [line = ''] = (await readInput(io, '-', { what: 'secret', maxBytes })).split(/\r?\n/, 1);
    return line;
  }
  io.stderr.write(printableInPlace(prompt));
  const muted = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({ input: io.stdin, output: muted, terminal: true });
  // In raw mode the terminal sends us Ctrl-C as a key.
  lines.once('SIGINT', () => process.kill(process.pid, 'SIGINT'));
  try {
    return await lines.question('', { signal });
  } finally {
    lines.close();
    io.stderr.write('\n');
  }
}
