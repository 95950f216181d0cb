import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { ControlPlaneClient } from '../../cloud-sync/protocol/control-plane-client.ts';
import { createCsr, createDeviceKey, parseEnrolmentToken } from '../../cloud-sync/trust/index.ts';
import { createHttpsClient } from '../../lib/https-client.ts';
import { startDaemon, temporaryFolder } from '../support/cli.ts';
import { asDevice, batchOf, json, manifestFor, subscribe } from '../support/cloud.ts';

const kills = 5;
const perBatch = 50;

test('[G1] a cloud killed right after an acknowledgement has what it acknowledged, once', async () => {
  await using folder = await temporaryFolder();
  const start = () => startDaemon(['cloud', 'up', '--folder', folder.path]);
  let cloud = await start();
  await using stack = new AsyncDisposableStack();
  stack.defer(() => cloud[Symbol.asyncDispose]());
  const file: unknown = JSON.parse(await readFile(join(folder.path, 'operator.json'), 'utf8'));
  const { url, token, ca } = file as Record<'url' | 'token' | 'ca', string>;
  const http = stack.use(createHttpsClient({ ca }));
  const operator = new ControlPlaneClient({ http, url, token });
  const { privateKeyPem: key } = createDeviceKey();
  const { secret } = parseEnrolmentToken((await operator.createEnrolmentToken({ device: 'a' })).token);
  const request = { device: 'a', secret, csr: await createCsr(key, 'a') };
  const device = stack.use(asDevice(url, { ...(await operator.enrol(request)), key }));

  const expected: number[] = [];
  for (let kill = 0; kill < kills; kill++) {
    const first = kill * perBatch + 1;
    const last = first + perBatch - 1;
    const { generation } = await operator.deploy('a', manifestFor('a', { turn: String(kill) }));
    {
      await using link = await subscribe(await device.connect());
      await link.relay(batchOf(first, last));
      expect(json(await link.next(link.topics.relayAck))).toMatchObject({ seq: last });
      await cloud.stop('SIGKILL');
    }
    cloud = await start();
    expect(cloud.ready).toMatchObject({ url });
    await expect(operator.device('a')).resolves.toMatchObject({ desired: { generation } });
    expected.push(...batchOf(first, last).entries.map(({ seq }) => seq));
    // The device did not hear the acknowledgement, say: it sends the batch again.
    await using again = await subscribe(await device.connect());
    await again.relay(batchOf(first, last));
    expect(json(await again.next(again.topics.relayAck))).toMatchObject({ seq: last });
    const { messages } = await operator.messages('a', { limit: 1000 });
    expect(messages.map(({ seq }) => seq)).toEqual(expected);
  }
});
