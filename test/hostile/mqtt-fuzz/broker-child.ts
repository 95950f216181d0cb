import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { nodeFlags } from '../../support/cli.ts';
import type { Measures } from './target.ts';

const program = fileURLToPath(new URL('child.ts', import.meta.url));
const measuresSchema = z.object({
  rssBytes: z.number(),
  heapBytes: z.number(),
  sockets: z.number(),
  files: z.number(),
});

export type BrokerChild = AsyncDisposable & {
  /** What it said when it was ready. */
  readonly ready: unknown;
  readonly ended: Promise<string>;
  measure(): Promise<Measures>;
};

/** Memory that is free is given back, so that a leak is not lost in what is only kept in reserve: without it, tens of MiB come and go. */
const thrift = { MALLOC_ARENA_MAX: '1', MALLOC_TRIM_THRESHOLD_: '65536', MALLOC_MMAP_THRESHOLD_: '65536' };

/** Starts a broker as a process. */
export async function startBrokerChild(kind: 'local' | 'cloud', folder: string): Promise<BrokerChild> {
  const child = fork(program, [kind, folder], {
    execArgv: [...nodeFlags, '--expose-gc', '--max-semi-space-size=1'],
    env: { ...process.env, ...thrift },
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  let errors = '';
  child.stderr?.on('data', (chunk: Buffer) => (errors = (errors + chunk.toString('utf8')).slice(-8192)));
  const ended = new Promise<string>((resolve) =>
    child.once('close', (code, signal) => resolve(`${signal ?? `exit code ${String(code)}`} ${errors}`)),
  );
  const answer = async (): Promise<unknown> => {
    const failed = ended.then((how) => {
      throw new Error(`The ${kind} broker ended: ${how}`);
    });
    const [message] = (await Promise.race([once(child, 'message'), failed])) as unknown[];
    return message;
  };
  return {
    ready: await answer(),
    ended,
    async measure() {
      const measures = answer();
      child.send('measure');
      return measuresSchema.parse(await measures);
    },
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL');
      await ended;
    },
  };
}
