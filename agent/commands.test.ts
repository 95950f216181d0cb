import { expect, test } from '@jest/globals';
import type { CommandStatus } from '../cloud-sync/protocol/messages.ts';
import { silentLogger } from '../lib/logger.ts';
import { Commands } from './commands.ts';

function commandsThat(invoke: (name: string) => Promise<unknown>): {
  commands: Commands;
  sent: [string, CommandStatus][];
} {
  const sent: [string, CommandStatus][] = [];
  const sendStatus = (id: string, status: CommandStatus): Promise<void> => {
    sent.push([id, status]);
    return Promise.resolve();
  };
  return { commands: new Commands({ invoke, sendStatus, logger: silentLogger }), sent };
}

const signal = new AbortController().signal;
const invokeCommand = { kind: 'invoke', function: 'f', payload: null } as const;

test('a command delivered twice runs once and is answered twice', async () => {
  let runs = 0;
  const { commands, sent } = commandsThat(() => Promise.resolve((runs += 1)));
  await commands.receive('a', invokeCommand, signal);
  await commands.receive('a', invokeCommand, signal);
  expect(runs).toBe(1);
  expect(sent.map(([, { status }]) => status)).toEqual(['running', 'succeeded', 'succeeded']);
});

test('a failure is told with its words', async () => {
  const { commands, sent } = commandsThat(() => Promise.reject(new Error('no such sensor')));
  await commands.receive('a', invokeCommand, signal);
  expect(sent.at(-1)?.[1]).toMatchObject({ status: 'failed', error: { message: 'no such sensor' } });
});

test('large results are forgotten, oldest first, so that memory is bounded', async () => {
  let runs = 0;
  const { commands } = commandsThat(() => Promise.resolve('x'.repeat((runs += 1) && 2 ** 20)));
  for (let index = 0; index < 20; index++) await commands.receive(`id-${index}`, invokeCommand, signal);
  await commands.receive('id-19', invokeCommand, signal);
  expect(runs).toBe(20);
  await commands.receive('id-0', invokeCommand, signal);
  expect(runs).toBe(21);
});
