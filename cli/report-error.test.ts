import { PassThrough } from 'node:stream';
import { describe, expect, test } from '@jest/globals';
import { AgentError } from '../agent/errors.ts';
import { FunctionError } from '../functions/function-error.ts';
import type { Io } from './io.ts';
import { reportError } from './report-error.ts';

function report(error: unknown) {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const exit = reportError({ stdout, stderr, env: {} } as unknown as Io, error, {
    json: true,
    verbose: false,
  });
  return { exit, printed: JSON.parse(String(stdout.read())) as unknown };
}

test('problems of a source come one a line, before the line that says whose they are', () => {
  let printed = '';
  const stderr = { write: (text: string) => (printed += text) };
  const problems = ['index.ts:1:2: first', 'index.ts:3:4: second'];
  const error = new FunctionError('buildFailed', `Cannot build /f/index.ts:\n${problems.join('\n')}`);
  reportError({ stdout: new PassThrough(), stderr, env: {} } as unknown as Io, error, {
    json: false,
    verbose: false,
  });
  expect(printed.split('\n')).toEqual([...problems, 'error: Cannot build /f/index.ts.', '']);
});

test('what a function or a device said does not reach the terminal as orders', () => {
  let printed = '';
  const stderr = { write: (text: string) => (printed += text) };
  const error = new FunctionError('threw', 'Gone\u001b[2J\u009b1A\u202e \tbad');
  reportError({ stdout: new PassThrough(), stderr, env: {} } as unknown as Io, error, {
    json: false,
    verbose: true,
  });
  expect(printed).toContain('error: Gone\\u001b[2J\\u009b1A\\u202e \tbad\n');
  expect(['\u001b', '\u009b', '\u202e'].filter((control) => printed.includes(control))).toEqual([]);
});

describe('with --json', () => {
  test('what the agent refused is reported under its own code', () => {
    const message = 'There is no function blink on this device';
    const { exit, printed } = report(
      new AgentError('refused', message, { cause: { code: 'unknownFunction' } }),
    );
    expect(printed).toEqual({ error: { code: 'unknownFunction', message, exit } });
  });

  test('a refusal without a code of its own is reported as refused', () => {
    expect(report(new AgentError('refused', 'No')).printed).toMatchObject({ error: { code: 'refused' } });
  });
});
