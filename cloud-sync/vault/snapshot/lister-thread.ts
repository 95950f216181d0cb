import { parentPort, workerData } from 'node:worker_threads';
import { compileExcludes } from './exclude-patterns.ts';
import { listBackwards } from './list-backwards.ts';
import type { ListedFolder, ListerSetup } from './lister-messages.ts';
import { maxEntriesAhead, minEntriesTold } from './snapshot-limits.ts';
import { WalkPosition } from './walk-position.ts';

/** The entry of a thread that lists a folder from its end, and ends. */
function main({ folder, excludes, position, port }: ListerSetup): void {
  let listed: ListedFolder[] = [];
  let entryCount = 0;
  const tell = () => {
    port.postMessage(
      listed,
      listed.map(({ facts }) => facts.buffer),
    );
    [listed, entryCount] = [[], 0];
  };
  const options = { folder, excludes: compileExcludes(excludes), position: new WalkPosition(position) };
  for (const { path, listing } of listBackwards({ ...options, maxEntries: maxEntriesAhead })) {
    const { entries, newestNs, problems } = listing;
    const { names, facts } = entries;
    listed.push({ path, names: names.join('\0'), facts, newestNs, problems });
    entryCount += names.length + 1;
    if (entryCount >= minEntriesTold) tell();
  }
  tell();
  port.close();
}

if (parentPort !== null) main(workerData as ListerSetup);
