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

test('what a function logs, answers and publishes does not reach the terminal as orders', () => {
  const { reporter, printed } = reporterAt('.');
  const hostile = 'a\u001b[2J\u009b1A\u202eb';
  reporter.log(log(hostile));
  reporter.published({ topic: 'site/x', payload: Buffer.from(hostile), qos: 0, retain: false });
  const [event, result] = [
    { kind: 'invoke', payload: null } as const,
    { value: hostile, cpuMs: 1, wallMs: 1 },
  ];
  reporter.succeeded(event, result as never);
  expect(printed()).toContain('a\\u001b[2J\\u009b1A\\u202eb');
  expect(['\u001b', '\u009b', '\u202e'].filter((control) => printed().includes(control))).toEqual([]);
});
