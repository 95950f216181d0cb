import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, test } from '@jest/globals';

test('the warning with the code is not printed, another is', async () => {
  const script = `
    const { hideWarning } = await import(${JSON.stringify(new URL('hide-warning.ts', import.meta.url).href)});
    hideWarning('DEP0169');
    process.emitWarning('first', 'DeprecationWarning', 'DEP0169');
    process.emitWarning('second', 'DeprecationWarning', 'DEP9999');`;
  const node = promisify(execFile);
  const { stderr } = await node(process.execPath, ['--input-type=module', '-e', script]);
  expect(stderr).toContain('[DEP9999] DeprecationWarning: second');
  expect(stderr).not.toContain('first');
});
