import { join } from 'node:path';
import { connect } from 'node:tls';
import { connectAsync } from 'mqtt';
import { z } from 'zod';
import { ControlPlaneClient } from '../../../cloud-sync/protocol/control-plane-client.ts';
import { createCsr, createDeviceKey, parseEnrolmentToken } from '../../../cloud-sync/trust/index.ts';
import { createHttpsClient } from '../../../lib/https-client.ts';
import { temporaryFolder } from '../../support/cli.ts';
import { asDevice, batchOf, json, subscribe, type Enrolled } from '../../support/cloud.ts';
import { startBrokerChild } from './broker-child.ts';
import type { FuzzTarget, Persona } from './target.ts';

const readySchema = z.object({
  url: z.string(),
  mqttUrl: z.string(),
  caPem: z.string(),
  operatorToken: z.string(),
});
type Ready = z.output<typeof readySchema>;

/** The recorded device; one of a name of the same length that says nothing by itself; one whose messages have to arrive. */
const [fuzzed, prey, witness] = ['fuzz-1', 'prey-1', 'witness-1'] as const;

/** The broker of the cloud, as devices and strangers see it. */
export async function openCloudTarget(): Promise<FuzzTarget> {
  await using starting = new AsyncDisposableStack();
  const folder = starting.use(await temporaryFolder());
  const child = starting.use(await startBrokerChild('cloud', folder.path));
  const ready = readySchema.parse(child.ready);
  const { url, mqttUrl, caPem: ca, operatorToken } = ready;
  const identities = await enrol(ready, [fuzzed, prey, witness]);
  const device = starting.use(asDevice(url, identities[witness]));
  const link = starting.use(await subscribe(await device.connect()));
  const operator = await connectAsync(mqttUrl, { ca, username: 'operator', password: operatorToken });
  starting.defer(() => operator.endAsync(true));
  const violations: string[] = [];
  operator.on('message', (topic) => {
    if (topic.split('/').includes(prey)) violations.push(`a message on ${JSON.stringify(topic)} got through`);
  });
  await operator.subscribeAsync(['hf/#', 't/#'], { qos: 1 });
  let seq = 0;
  const resources = starting.move();
  const port = Number(new URL(mqttUrl).port);
  const { certificate: cert, key } = identities[fuzzed];
  return {
    name: 'cloud',
    fixtures: join(import.meta.dirname, 'fixtures', 'cloud'),
    violations,
    ended: child.ended,
    open: (persona: Persona) => {
      const shown = persona === 'client' ? { cert, key } : {};
      return connect({ port, host: '127.0.0.1', servername: 'localhost', ca, ...shown });
    },
    disguise: () => [[fuzzed, prey]],
    async roundTrip() {
      seq += 1;
      await link.relay(batchOf(seq, seq));
      const acknowledged = json(await link.next(link.topics.relayAck)) as { seq: number };
      if (acknowledged.seq !== seq)
        violations.push(`the cloud acknowledged ${acknowledged.seq} in the place of ${seq}`);
    },
    measure: () => child.measure(),
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}

async function enrol<Name extends string>(
  { url, caPem, operatorToken }: Ready,
  names: readonly Name[],
): Promise<Record<Name, Enrolled>> {
  await using http = createHttpsClient({ ca: caPem });
  const operator = new ControlPlaneClient({ http, url, token: operatorToken });
  const enrolled = await Promise.all(
    names.map(async (device) => {
      const { secret } = parseEnrolmentToken((await operator.createEnrolmentToken({ device })).token);
      const { privateKeyPem: key } = createDeviceKey();
      const identity = await operator.enrol({ device, secret, csr: await createCsr(key, device) });
      return [device, { ...identity, key }] as const;
    }),
  );
  return Object.fromEntries(enrolled) as Record<Name, Enrolled>;
}
