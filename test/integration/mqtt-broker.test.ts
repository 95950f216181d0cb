import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { MqttBroker } from '../../cloud-sync/control-plane/broker/mqtt-broker.ts';
import { Republisher } from '../../cloud-sync/control-plane/broker/republisher.ts';
import { replaceCertificate } from '../../cloud-sync/control-plane/database/certificates.ts';
import { registerDevice } from '../../cloud-sync/control-plane/database/devices.ts';
import { openDatabase } from '../../cloud-sync/control-plane/database/open.ts';
import type { Database } from '../../cloud-sync/control-plane/database/schema.ts';
import { CertificateAuthority, createCsr, createDeviceKey } from '../../cloud-sync/trust/index.ts';
import { createLogger, type LogEvent } from '../../lib/logger.ts';
import { temporaryFolder } from '../support/cli.ts';
import { eventually, openLink } from '../support/cloud.ts';

/** A database whose look-ups work this many times, then fail as a broken disk does. */
function failingAfter(db: Database, lookUps: number): Database {
  let left = lookUps;
  return new Proxy(db, {
    get(target, name) {
      if (name === 'selectFrom' && left-- <= 0) throw new Error('disk I/O error');
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
}

test('a device that cannot be confirmed once it is connected is let go, and the broker lives on', async () => {
  await using resources = new AsyncDisposableStack();
  const folder = resources.use(await temporaryFolder()).path;
  const authority = await CertificateAuthority.open({ folder: join(folder, 'ca') });
  const server = await authority.issueServer({ hosts: ['localhost', '127.0.0.1'] });
  const { privateKeyPem: key } = createDeviceKey();
  const csr = await createCsr(key, 'a');
  const request = { csr, tenant: 'default', device: 'a' };
  const { serial, certificatePem, notAfter } = await authority.issueDevice(request);
  const db = await openDatabase(':memory:');
  resources.defer(() => db.destroy());
  await registerDevice(db, new Date(), 'a');
  await replaceCertificate(db, new Date(), { serial, device: 'a', notAfter });
  const events: LogEvent[] = [];
  const logger = createLogger((event) => events.push(event));
  const broker = resources.use(
    await MqttBroker.open({
      db: failingAfter(db, 1),
      ingest: () => Promise.resolve({ retain: false }),
      republisher: new Republisher({ logger, newestId: 0, readNext: () => Promise.resolve(undefined) }),
      logger,
      tls: { ca: authority.caPem, cert: server.certificatePem, key: server.privateKeyPem },
    }),
  );
  broker.server.listen(0, '127.0.0.1');
  await once(broker.server, 'listening');
  const url = `mqtts://localhost:${(broker.server.address() as AddressInfo).port}`;
  const link = await openLink(url, { ca: authority.caPem, cert: certificatePem, key, clientId: 'a' });
  await link.closed;
  expect(events.map(({ event }) => event)).toContain('broker.unconfirmed');
  await eventually(() => !broker.isConnected('a'));
  expect(broker.server.listening).toBe(true);
});
