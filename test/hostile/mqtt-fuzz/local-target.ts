import { connect } from 'node:net';
import { join } from 'node:path';
import { z } from 'zod';
import { connectTo, temporaryFolder } from '../../support/data-plane.ts';
import { startBrokerChild } from './broker-child.ts';
import type { FuzzTarget } from './target.ts';

const own = 'witness/round';

/** The broker of a device, as its network sees it. */
export async function openLocalTarget(): Promise<FuzzTarget & { readonly port: number }> {
  await using starting = new AsyncDisposableStack();
  const folder = starting.use(await temporaryFolder());
  const child = starting.use(await startBrokerChild('local', folder.path));
  const { port } = z.object({ port: z.number() }).parse(child.ready);
  const { client } = starting.use(await connectTo(port, { username: 'witness', clientId: 'witness' }));
  const violations: string[] = [];
  const waiting = new Map<string, () => void>();
  let rounds = 0;
  client.on('message', (topic, payload) => {
    if (topic === own) waiting.get(payload.toString())?.();
    // [MQTT-4.7.1-2] `fuzz/#`, which the fuzzer may publish on, is `fuzz` too.
    else if (topic !== 'fuzz' && !topic.startsWith('fuzz/'))
      violations.push(`a message on ${JSON.stringify(topic)} got through`);
  });
  await client.subscribeAsync('#', { qos: 1 });
  const resources = starting.move();
  return {
    name: 'local',
    fixtures: join(import.meta.dirname, 'fixtures', 'local'),
    port,
    violations,
    ended: child.ended,
    open: () => connect({ port, host: '127.0.0.1', noDelay: true }),
    // Nobody with the right password says `evil`.
    disguise: (persona) =>
      persona === 'client'
        ? []
        : [
            ['fuzz/', 'evil/'],
            ['correct horse', 'another horse'],
          ],
    async roundTrip() {
      const number = String(++rounds);
      const heard = new Promise<void>((resolve) => waiting.set(number, resolve));
      await client.publishAsync(own, number, { qos: 1 });
      await heard;
      waiting.delete(number);
    },
    measure: () => child.measure(),
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}
