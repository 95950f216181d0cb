import { once } from 'node:events';
import { createServer, Socket } from 'node:net';
import type { AddressInfo } from 'node:net';
import { Aedes } from 'aedes';
import { expect, jest, test } from '@jest/globals';
import { CloudLink } from '../../agent/relay/cloud-link.ts';
import { commandMaxBytes, type Command } from '../../cloud-sync/protocol/messages.ts';
import { silentLogger } from '../../lib/logger.ts';

const prefix = 'hf/v1/default/a';

/** A device's link to a bare broker, which says to it what no control plane would. */
async function openLink(onConnect: (keepAliveS: number, link: () => CloudLink) => void = () => undefined) {
  await using starting = new AsyncDisposableStack();
  const broker = await Aedes.createBroker({
    preConnect: (_client, { keepalive }, done) => {
      onConnect(keepalive ?? 0, () => link);
      done(null, true);
    },
  });
  const server = createServer((socket) => broker.handle(socket));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  starting.defer(() => new Promise<void>((resolve) => server.close(() => resolve())));
  starting.defer(() => new Promise<void>((resolve) => broker.close(resolve)));
  const commands: [string, Command][] = [];
  const link: CloudLink = new CloudLink({
    identity: {
      tenant: 'default',
      device: 'a',
      mqtt: `mqtt://127.0.0.1:${(server.address() as AddressInfo).port}`,
      certificate: '',
      key: '',
      ca: '',
    },
    boot: 'b',
    version: '0.1.0',
    nextSession: () => Promise.resolve(1),
    onDesired: () => Promise.resolve(),
    onCommand: (id, command) => {
      commands.push([id, command]);
      return Promise.resolve();
    },
    onReportedAck: () => undefined,
    logger: silentLogger,
  });
  starting.use(link);
  const connected = new Promise<void>((resolve) => link.onConnectionChange((up) => up && resolve()));
  link.start();
  await connected;
  const resources = starting.move();
  return {
    commands,
    /** What the device says of the command. */
    async ask(id: string, payload: string): Promise<unknown> {
      const topic = `${prefix}/cmd/${id}`;
      const status = new Promise<unknown>((resolve) =>
        broker.subscribe(
          `${topic}/status`,
          (packet, done) => {
            resolve(JSON.parse(packet.payload.toString()));
            done();
          },
          () => undefined,
        ),
      );
      broker.publish(
        { cmd: 'publish', topic, payload: Buffer.from(payload), qos: 1, retain: false, dup: false },
        () => undefined,
      );
      return status;
    },
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}

test.each([
  [
    'larger than a device takes',
    'tooLarge',
    JSON.stringify({ kind: 'invoke', function: 'f', payload: 'x'.repeat(commandMaxBytes) }),
  ],
  ['no JSON', 'badMessage', '{'],
  ['of another shape', 'badMessage', '{"kind":"format"}'],
])('a command that is %s is rejected aloud', async (_what, code, payload) => {
  await using device = await openLink();
  expect(await device.ask('1f', payload)).toEqual({
    status: 'rejected',
    error: { code, message: expect.any(String) as unknown },
  });
  expect(device.commands).toEqual([]);
});

test('a keep-alive that is changed while the link is being made holds for it', async () => {
  const keepAlives: number[] = [];
  await using _link = await openLink((keepAliveS, link) => {
    keepAlives.push(keepAliveS);
    link().setKeepAlive(60_000);
  });
  expect(keepAlives).toEqual([3, 60]);
});

test('what the device says is not held back until what it said before is confirmed', async () => {
  using setNoDelay = jest.spyOn(Socket.prototype, 'setNoDelay');
  await using _link = await openLink();
  expect(setNoDelay.mock.calls).toEqual([[true]]);
});
