import { expect, test } from '@jest/globals';
import { FunctionError } from '../../functions/function-error.ts';
import type { Io } from '../io.ts';
import { Output } from '../output.ts';
import { DevReporter } from './dev-reporter.ts';

function reporterAt(sourceFolder: string) {
  let printed = '';
  const stdout = { write: (text: string) => (printed += text), isTTY: false };
  const out = new Output({ stdout, env: {} } as unknown as Io, { json: false });
  return { reporter: new DevReporter({ out, sourceFolder }), printed: () => printed };
}

const log = (message: string) =>
  ({ function: 'f', invocation: 'i', level: 'error', message, time: '2026-01-01T00:00:00Z' }) as const;

test('places in the source are named from the folder one is in', () => {
  const { reporter, printed } = reporterAt('functions/mine');
  reporter.log(
    log('Error: x\n    at f (lib/deep.ts:4:9)\n    at index.ts:1:2\n    at g (node_modules/hono/h.js:3:4)'),
  );
  expect(printed()).toBe(
    [
      '  Error: x',
      '      at f (functions/mine/lib/deep.ts:4:9)',
      '      at functions/mine/index.ts:1:2',
      '      at g (functions/mine/node_modules/hono/h.js:3:4)\n',
    ].join('\n'),
  );
});

test('an absolute path and an address stay as they are', () => {
  const { reporter, printed } = reporterAt('functions/mine');
  reporter.refused(new FunctionError('buildFailed', 'Cannot build /a/index.ts:\nindex.ts:1:2: no'));
  reporter.log(log('see https://example.com/a.js:1:2'));
  expect(printed()).toBe(
    'refused  Cannot build /a/index.ts:\nfunctions/mine/index.ts:1:2: no\n  see https://example.com/a.js:1:2\n',
  );
});

test('what failed comes with what to do about it', () => {
  const { reporter, printed } = reporterAt('.');
  reporter.refused(new FunctionError('noHandler', 'It exports no handler', { hint: 'Export one.' }));
  const event = { kind: 'invoke', payload: null } as const;
  reporter.failed(
    event,
    new FunctionError('secretMissing', 'It waits for key', { hint: 'Set it on the device.' }),
  );
  reporter.failed(event, new FunctionError('threw', 'It failed', { hint: 'Its logs say where.' }));
  expect(printed()).toBe(
    'refused  It exports no handler\n  hint: Export one.\n' +
      'invoke  It waits for key\n  hint: Write NAME=value into .dev.vars beside the entry and start again.\n' +
      'invoke  It failed\n',
  );
});
