import { writeFile } from 'node:fs/promises';
import { machineJsonSchema } from '../manifests/json-schema.ts';

/** Writes the files that are checked in and derived from sources. A test says when one is out of date. */
const target = new URL('../manifests/machine.schema.json', import.meta.url);
await writeFile(target, `${JSON.stringify(machineJsonSchema(), null, 2)}\n`);
