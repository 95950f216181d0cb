import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** What a client sent and was sent, packet by packet, in order. */
export type RecordedSession = {
  readonly name: string;
  readonly fromClient: readonly Buffer[];
  readonly fromServer: readonly Buffer[];
};

/** Fixtures: a line a packet, `c` from the client or `s` from the server and its bytes in hexadecimal; `#` begins a comment. */
export async function readSessions(folder: string): Promise<RecordedSession[]> {
  const names = (await readdir(folder)).filter((name) => name.endsWith('.hex')).sort();
  return Promise.all(
    names.map(async (name) => {
      const lines = (await readFile(join(folder, name), 'utf8')).split('\n');
      const packetsOf = (side: string): Buffer[] =>
        lines.filter((line) => line.startsWith(`${side} `)).map((line) => Buffer.from(line.slice(2), 'hex'));
      return { name, fromClient: packetsOf('c'), fromServer: packetsOf('s') };
    }),
  );
}
