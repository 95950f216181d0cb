import { expect, test } from '@jest/globals';
import type { Io } from './io.ts';
import { Output } from './output.ts';

const escape = '\u001b';
const hostile = `a${escape}[2J\u009b1A\u202e\u007f\r\tb\nc`;
const harmless = 'a\\u001b[2J\\u009b1A\\u202e\\u007f\\u000d\tb\nc';

function outputTo({ isTTY = true, json = false }) {
  const printed = { stdout: '', stderr: '' };
  const stream = (name: 'stdout' | 'stderr') => ({
    write: (text: string) => (printed[name] += text),
    isTTY,
  });
  const io = { stdout: stream('stdout'), stderr: stream('stderr'), env: {} } as unknown as Io;
  return { out: new Output(io, { json }), printed };
}

test('whatever a command says, of what could move the terminal only our own colours get there', () => {
  const { out, printed } = outputTo({});
  out.result({}, () => `${out.paint('bold', hostile)} fine`);
  out.item({}, () => out.paint('yellow', hostile));
  out.note(hostile);
  expect(printed).toEqual({
    stdout: `${escape}[1m${harmless}${escape}[22m fine\n${escape}[33m${harmless}${escape}[39m\n`,
    stderr: `${harmless}\n`,
  });
});

test('data is harmless on a terminal, and as it is for a file or a program', () => {
  const [terminal, pipe] = [outputTo({}), outputTo({ isTTY: false })];
  for (const { out } of [terminal, pipe]) out.data({}, () => hostile);
  expect(terminal.printed.stdout).toBe(`${harmless}\n`);
  expect(pipe.printed.stdout).toBe(`${hostile}\n`);
});

test('with --json a value is as it is', () => {
  const { out, printed } = outputTo({ json: true });
  out.result({ said: hostile }, () => 'for people');
  out.note('for people');
  expect(JSON.parse(printed.stdout)).toEqual({ said: hostile });
  expect(printed.stderr).toBe('');
});
