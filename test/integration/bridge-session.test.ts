import { once } from 'node:events';
import { createServer, Socket, type AddressInfo } from 'node:net';
import { Aedes } from 'aedes';
import { expect, jest, test } from '@jest/globals';
import { BridgeSession } from '../../agent/bridge/bridge-session.ts';
import { silentLogger } from '../../lib/logger.ts';

test('what goes over a bridge is not held back until what went before is confirmed', async () => {
  using setNoDelay = jest.spyOn(Socket.prototype, 'setNoDelay');
  await using stack = new AsyncDisposableStack();
  const broker = await Aedes.createBroker();
  const server = createServer((socket) => broker.handle(socket)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  stack.defer(() => new Promise<void>((resolve) => server.close(() => resolve())));
  stack.defer(() => new Promise<void>((resolve) => broker.close(resolve)));
  const connected = Promise.withResolvers<boolean>();
  const session = stack.use(
    new BridgeSession({
      url: `mqtt://127.0.0.1:${(server.address() as AddressInfo).port}`,
      ...{ clientId: 'bridge', clean: true, keepAliveMs: 5000 },
      credentials: () => Promise.resolve({}),
      run: async (_client, { signal }) => {
        connected.resolve(true);
        await once(signal, 'abort');
      },
      logger: silentLogger,
      onChange: () => undefined,
    }),
  );
  session.start();
  await connected.promise;
  expect(setNoDelay.mock.calls).toEqual([[true]]);
});
