import { setTimeout as sleep } from 'node:timers/promises';
import type { Worker } from 'node:worker_threads';
import { exitWithoutThreads } from '../../../lib/exit-without-threads.ts';

/** A thread that is not in a system call ends within milliseconds. */
const patienceMs = 1_000;

/**
 * Ends a thread that has nothing to lose. One that is in a system call which does not return (a network file system that is gone) is left
 * there, and the process then ends without it: node would wait for its threads. Where there is no node:ffi (node 24) it waits.
 */
export async function endThread(worker: Worker): Promise<void> {
  const waiting = new AbortController();
  const ended = worker.terminate().then(() => true);
  const late = sleep(patienceMs, false, { signal: waiting.signal }).catch(() => false);
  const isEnded = await Promise.race([ended, late]);
  waiting.abort();
  if (isEnded) return;
  // To end it has the event loop wait for it again.
  worker.unref();
  const leave = () => exitWithoutThreads(Number(process.exitCode ?? 0));
  process.once('exit', leave);
  void ended.then(() => process.removeListener('exit', leave));
}
