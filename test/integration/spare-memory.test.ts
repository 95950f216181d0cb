import { execFileSync } from 'node:child_process';
import { expect, test } from '@jest/globals';

const sparing = new URL('../../lib/spare-memory.ts', import.meta.url).href;

function run(program: string, ...flags: readonly string[]): unknown {
  const args = ['--disable-warning=ExperimentalWarning', '--input-type=module', ...flags, '--eval', program];
  return JSON.parse(execFileSync(process.execPath, args, { encoding: 'utf8', timeout: 60_000 }));
}

test('memory that was freed between what stays goes back to the system when it is trimmed', () => {
  const program = `
    import { openMemoryTrim } from '${sparing}';
    const trim = openMemoryTrim();
    const count = 3000, bytes = 32 * 1024;
    const [goes, stays] = [[], []];
    // By turns, so that what is freed lies between what is not.
    for (let at = 0; at < count; at += 1)
      (at % 4 === 0 ? stays : goes).push(Buffer.allocUnsafeSlow(bytes).fill(1));
    const freed = goes.length * bytes;
    goes.length = 0;
    for (let turn = 0; turn < 5; turn += 1) { gc(); await new Promise(setImmediate); }
    const before = process.memoryUsage.rss();
    trim();
    const share = (before - process.memoryUsage.rss()) / freed;
    console.log(JSON.stringify({ stays: stays.length, share }));
  `;
  const { stays, share } = run(program, '--expose-gc') as { stays: number; share: number };
  expect(stays).toBe(750);
  expect(share).toBeGreaterThan(0.5);
});

test('without foreign calls there is nothing to trim, and nothing fails', () => {
  const program = `import { openMemoryTrim } from '${sparing}'; console.log(openMemoryTrim()() === undefined)`;
  expect(run(program, '--no-experimental-ffi')).toBe(true);
});

test('a young heap that is kept small stays so under a load that makes another one grow', () => {
  const bytesAfter = (first: string) =>
    run(`
      import { getHeapSpaceStatistics } from 'node:v8';
      import { keepYoungHeapSmall } from '${sparing}';
      ${first}
      const kept = [];
      for (let at = 0; at < 3_000_000; at += 1) kept[at % 50_000] = { at, list: [at] };
      const young = getHeapSpaceStatistics().find(({ space_name }) => space_name === 'new_space');
      console.log(JSON.stringify(young.space_size));
    `) as number;
  const [small, grown] = [bytesAfter('keepYoungHeapSmall();'), bytesAfter('')];
  expect(small).toBeLessThan(grown / 2);
});
