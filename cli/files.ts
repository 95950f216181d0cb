import { open } from 'node:fs/promises';
import { errorCode } from '../lib/error-code.ts';
import { CliError } from './errors.ts';
import type { Io } from './io.ts';

/** Text of a file that a person named; `-` is stdin. Bounded, UTF-8, with a clear error. */
export async function readInput(
  io: Io,
  path: string,
  { what, maxBytes }: { what: string; maxBytes: number },
): Promise<string> {
  const bytes =
    path === '-' ? await collect(io.stdin, what, maxBytes) : await readBounded(path, what, maxBytes);
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    const source = path === '-' ? 'from stdin' : path;
    throw new CliError('invalidFile', `Cannot read ${what} ${source}: it is not UTF-8 text.`, { cause });
  }
}

async function readBounded(path: string, what: string, maxBytes: number): Promise<Uint8Array> {
  try {
    await using file = await open(path, 'r');
    if ((await file.stat()).isDirectory()) {
      throw new CliError('invalidFile', `Cannot read ${what} ${path}: it is a folder.`, {
        hint: 'Name a file.',
      });
    }
    return await collect(file.createReadStream({ autoClose: false }), what, maxBytes);
  } catch (cause) {
    if (errorCode(cause) !== 'ENOENT') throw cause;
    throw new CliError('notFound', `Cannot read ${what} ${path}: there is no such file.`, { cause });
  }
}

async function collect(stream: AsyncIterable<unknown>, what: string, maxBytes: number): Promise<Uint8Array> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of stream) {
    const bytes = Buffer.from(chunk as Uint8Array);
    size += bytes.byteLength;
    if (size > maxBytes) throw new CliError('tooLarge', `The ${what} is larger than ${maxBytes} bytes.`);
    chunks.push(bytes);
  }
  return Buffer.concat(chunks, size);
}
