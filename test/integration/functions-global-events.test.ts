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
