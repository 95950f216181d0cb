import { readFileSync } from 'node:fs';
import { snapshotFile } from './inside-snapshot.ts';

/** `make-snapshot.ts SCRIPT`: writes the snapshot file of a script to standard output. Runs with the flags of a host process. */
process.stdout.write(snapshotFile(readFileSync(process.argv[2] ?? '', 'utf8')));
