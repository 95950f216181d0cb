import { expect, test } from '@jest/globals';
import { openSandbox } from '../support/function-sandbox.ts';

test('listeners on the global object hear what is reported and dispatched, by every way to name it', async () => {
  await using sandbox = await openSandbox();
  await sandbox.deploy(
    'listener',
    `async invoke() {
      const heard = [];
      addEventListener('error', (event) => { heard.push('error ' + event.error.message); event.preventDefault(); });
      globalThis.onerror = () => heard.push('onerror');
      reportError(new Error('reported'));
      addEventListener('own', function (event) { heard.push(event.type, this === globalThis, event.target === self); });
      dispatchEvent(new Event('own'));
      return heard;
    }`,
  );
  expect(await sandbox.invoke('listener')).toEqual(['error reported', 'onerror', 'own', true, true]);
});

test('what a timer throws is an error event, and in the log when nobody prevents that', async () => {
  await using sandbox = await openSandbox();
  await sandbox.deploy(
    'timer',
    `async invoke(handled) {
      const heard = [];
      const listener = (event) => { heard.push(event.message); if (handled) event.preventDefault(); };
      addEventListener('error', listener);
      setTimeout(() => { throw new Error('late'); }, 0);
      await new Promise((resolve) => setTimeout(resolve, 30));
      removeEventListener('error', listener);
      return heard;
    }`,
  );
  expect(await sandbox.invoke('timer', true)).toEqual(['Uncaught Error: late']);
  expect(sandbox.logs).toEqual([]);
  expect(await sandbox.invoke('timer', false)).toEqual(['Uncaught Error: late']);
  expect(sandbox.logs).toMatchObject([
    { level: 'error', message: expect.stringContaining('Uncaught Error: late') as unknown },
  ]);
});
