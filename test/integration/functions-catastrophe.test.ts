import { expect, test } from '@jest/globals';
import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { cachedHost } from '../../functions/runtime/cached-host.ts';
import { hostArguments } from '../../functions/runtime/host-entry.ts';
import { temporaryFolder } from '../support/cli.ts';

const source = (path: string): string => pathToFileURL(join(import.meta.dirname, '../..', path)).href;

/** A function whose isolate V8 loses, now or after it was stopped: what the host says of it. */
const program = `
import { BlankIsolates } from ${JSON.stringify(source('functions/host/blank-isolates.ts'))};
import { openInside } from ${JSON.stringify(source('functions/host/inside-snapshot.ts'))};
import { Tenant } from ${JSON.stringify(source('functions/host/tenant.ts'))};
const [, , script, snapshot] = process.argv;
const blanks = new BlankIsolates({ inside: openInside(script, snapshot), isQuiet: () => false });
const taken = [];
const keeping = {
  answer: blanks.answer,
  take: (memoryMb) => (taken.push(blanks.take(memoryMb)), taken.at(-1)),
};
const said = [];
const tenant = new Tenant({
  ...{ name: 'f', code: 'export default { invoke: () => 1 };', files: [], blanks: keeping, isAlone: () => true },
  ...{ memoryBytes: 32 * 2 ** 20, cpuMs: 1000, bindings: {}, secrets: {}, resultBytes: 1000 },
  events: { catastrophe: (message, answered) => said.push([message, answered]), ended() {}, called() {}, logged() {}, overdue() {} },
});
await tenant.load();
taken[0].onCatastrophe('while it runs');
tenant.dispose();
await tenant.load();
taken[0].onCatastrophe('after it was stopped');
console.log(JSON.stringify(said));
process.exit();`;

test('what V8 says of an isolate that was stopped before is no fault of what runs now', async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, 'lose.mjs');
  await writeFile(path, program);
  const { script, snapshot } = await cachedHost();
  const flags = hostArguments({ entry: '', script: '', snapshot: '' }, ['*']).filter((flag) =>
    flag.startsWith('--'),
  );
  const { stdout } = await promisify(execFile)(process.execPath, [...flags, path, script, snapshot]);
  expect(JSON.parse(stdout)).toEqual([
    ['while it runs', false],
    ['after it was stopped', true],
  ]);
});
