import { spawnSync } from 'node:child_process';
import { test } from '@jest/globals';

/** Whether a third-party program is on the PATH. */
export function hasPeer(program: string): boolean {
  return spawnSync('sh', ['-c', 'command -v "$1"', 'sh', program]).status === 0;
}

/** A test that needs third-party programs: skipped, with the reason in its name, where one is missing. */
export function peerTest(programs: readonly string[], sentence: string, body: () => Promise<void>): void {
  const missing = programs.filter((program) => !hasPeer(program));
  if (missing.length === 0) test(sentence, body);
  else test.skip(`${sentence} (needs ${missing.join(', ')}: run scripts/peers)`, body);
}
