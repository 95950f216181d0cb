import { parentPort, workerData } from 'node:worker_threads';
import { compileExcludes } from './exclude-patterns.ts';
import { factNames } from './file-facts.ts';
import { listBackwards, type ListedBackwards } from './list-backwards.ts';
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
  for (const found of listBackwards({ ...options, maxEntries: maxEntriesAhead })) {
    const told = listedFolder(found);
    listed.push(told);
    entryCount += 1 + told.facts.length / factNames.length;
    // Who lists the same folder from its other end waits for each part.
    if (entryCount >= minEntriesTold || told.part !== undefined) tell();
  }
  tell();
  port.close();
}

function listedFolder(found: ListedBackwards): ListedFolder {
  const { entries, newestNs, problems } = 'part' in found ? found.part.listing : found.listing;
  return {
    path: found.path,
    names: entries.names.join('\0'),
    facts: entries.facts,
    ...{ newestNs, problems },
    ...('part' in found && { part: { from: found.part.from, names: found.part.names.join('\0') } }),
  };
}

if (parentPort !== null) main(workerData as ListerSetup);
