import { expect, test } from '@jest/globals';
import { commandMaxBytes } from '../../protocol/messages.ts';
import { Commands } from './commands.ts';
import type { OutgoingMessage } from './ingest.ts';

const address = { tenant: 'default', device: 'a' };
const command = { kind: 'invoke', function: 'f', payload: 1 } as const;
const { signal } = new AbortController();

function setUp(timeoutMs = 60_000) {
  const said: OutgoingMessage[] = [];
  const commands = new Commands({
    publish: (message) => void said.push(message),
    isConnected: (device) => device === 'a',
    timeoutMs,
  });
  return { commands, said, id: () => said[0]?.topic.split('/').at(-1) ?? '' };
}

test('a command resolves with what the device says last', async () => {
  const { commands, id } = setUp();
  const running = commands.run(address, command, { signal });
  commands.settle('a', id(), { status: 'accepted' });
  commands.settle('a', id(), { status: 'running' });
  commands.settle('a', id(), { status: 'succeeded', result: 42 });
  await expect(running).resolves.toBe(42);
});

test('a status of another device settles nothing', async () => {
  const { commands, id } = setUp();
  const running = commands.run(address, command, { signal });
  commands.settle('b', id(), { status: 'succeeded', result: 'forged' });
  commands.settle('a', id(), { status: 'rejected', error: { code: 'busy', message: 'later' } });
  await expect(running).rejects.toMatchObject({ code: 'commandFailed' });
});

test('a command to a device that is not connected is not sent', async () => {
  const { commands, said } = setUp();
  const running = commands.run({ ...address, device: 'b' }, command, { signal });
  await expect(running).rejects.toMatchObject({ code: 'deviceOffline' });
  expect(said).toEqual([]);
});

test('a command larger than a device takes is not sent', async () => {
  const { commands, said } = setUp();
  const large = (bytes: number) => ({ ...command, payload: 'x'.repeat(bytes) });
  const frame = JSON.stringify(large(0)).length;
  const refused = commands.run(address, large(commandMaxBytes - frame + 1), { signal });
  await expect(refused).rejects.toMatchObject({ code: 'tooLarge' });
  expect(said).toEqual([]);
  const caller = new AbortController();
  const running = commands.run(address, large(commandMaxBytes - frame), { signal: caller.signal });
  expect(said).toHaveLength(1);
  caller.abort();
  await expect(running).rejects.toMatchObject({ name: 'AbortError' });
});

test('a device that does not answer is not waited for without end', async () => {
  const { commands, id } = setUp(1);
  await expect(commands.run(address, command, { signal })).rejects.toMatchObject({ code: 'timeout' });
  commands.settle('a', id(), { status: 'succeeded' });
});

test('a caller that leaves ends the wait', async () => {
  const { commands } = setUp();
  const caller = new AbortController();
  const running = commands.run(address, command, { signal: caller.signal });
  caller.abort();
  await expect(running).rejects.toMatchObject({ name: 'AbortError' });
});
