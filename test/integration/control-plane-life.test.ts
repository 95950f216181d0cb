import { readFile, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, test } from '@jest/globals';
import { startControlPlane } from '../../cloud-sync/control-plane/main.ts';
import { ControlPlaneClient } from '../../cloud-sync/protocol/control-plane-client.ts';
import {
  createCsr,
  createDeviceKey,
  createRecoveryKey,
  openRecoveryKey,
  recoveryMessage,
} from '../../cloud-sync/trust/index.ts';
import { leastCost } from '../../cloud-sync/trust/passphrase-box.ts';
import { createHttpsClient } from '../../lib/https-client.ts';
import { silentLogger } from '../../lib/logger.ts';
import { temporaryFolder } from '../support/cli.ts';
import { asDevice, batchOf, json, manifestFor, online, startCloud, subscribe } from '../support/cloud.ts';

const passphrase = 'correct horse';
const { signal } = new AbortController();
const cheap = { cost: leastCost };

const start = (folder: string, ports: { apiPort?: number; mqttPort?: number; host?: string } = {}) =>
  startControlPlane({ folder, apiPort: 0, mqttPort: 0, logger: silentLogger, signal, ...ports });

/** Some other program on a loopback port. */
async function occupy(port: number): Promise<AsyncDisposable & { readonly port: number }> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  const address = server.address();
  return {
    port: typeof address === 'object' && address ? address.port : 0,
    [Symbol.asyncDispose]: () => new Promise((resolve) => server.close(() => resolve())),
  };
}

describe('the control plane', () => {
  test('has its folder for itself', async () => {
    await using folder = await temporaryFolder();
    await using _first = await start(folder.path);
    await expect(start(folder.path)).rejects.toMatchObject({ code: 'folderInUse' });
  });

  test('says so when a port it was given is in use, and leaves the folder free', async () => {
    await using folder = await temporaryFolder();
    await using other = await occupy(0);
    const apiTaken = start(folder.path, { apiPort: other.port });
    await expect(apiTaken).rejects.toMatchObject({ code: 'portInUse' });
    await expect(start(folder.path, { mqttPort: other.port })).rejects.toMatchObject({ code: 'portInUse' });
    const nowhere = start(folder.path, { host: '203.0.113.7' });
    await expect(nowhere).rejects.toMatchObject({
      code: 'badRequest',
      message: 'Cannot listen on 203.0.113.7: this machine does not have that address',
    });
    await using _now = await start(folder.path);
  });

  test('keeps the free ports it took, and takes others when those are taken meanwhile', async () => {
    await using folder = await temporaryFolder();
    const first = await start(folder.path);
    const { url, mqttUrl } = first;
    await first[Symbol.asyncDispose]();
    const second = await start(folder.path);
    expect(second).toMatchObject({ url, mqttUrl });
    await second[Symbol.asyncDispose]();
    await using _other = await occupy(Number(new URL(url).port));
    await using third = await start(folder.path);
    expect(third.url).not.toBe(url);
    expect(third.mqttUrl).toBe(mqttUrl);
  });

  test('keeps its authority and its operator over a restart, and leaves the token to its owner alone', async () => {
    await using cloud = await startCloud();
    const { caPin, operatorToken } = cloud.plane;
    const path = join(cloud.folder, 'operator.json');
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    await cloud.restart();
    expect(cloud.plane).toMatchObject({ caPin, operatorToken });
    expect(JSON.parse(await readFile(path, 'utf8'))).toMatchObject({
      token: operatorToken,
      url: cloud.plane.url,
    });
  });

  test('makes a new operator token when the file is broken, and takes the old one no more', async () => {
    await using folder = await temporaryFolder();
    const first = await start(folder.path);
    await first[Symbol.asyncDispose]();
    await writeFile(join(folder.path, 'operator.json'), '{');
    await using second = await start(folder.path);
    expect(second.operatorToken).not.toBe(first.operatorToken);
    await using http = createHttpsClient({ ca: second.caPem });
    const as = (token: string) => new ControlPlaneClient({ http, url: second.url, token }).devices();
    await expect(as(second.operatorToken)).resolves.toEqual([]);
    await expect(as(first.operatorToken)).rejects.toMatchObject({ code: 'unauthorized' });
  });

  test('refuses to start over a database that is none, and says which', async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, 'control-plane.db');
    await writeFile(path, 'this is no database, but it is long enough to be taken for one by its name');
    await expect(start(folder.path)).rejects.toMatchObject({
      code: 'corrupt',
      message: expect.stringContaining(path) as unknown,
    });
  });

  test('leaves the database of a newer version as it is', async () => {
    await using folder = await temporaryFolder();
    await (await start(folder.path))[Symbol.asyncDispose]();
    using database = new DatabaseSync(join(folder.path, 'control-plane.db'));
    database.exec("INSERT INTO kysely_migration (name, timestamp) VALUES ('9999-later', '2030-01-01')");
    await expect(start(folder.path)).rejects.toMatchObject({
      code: 'badState',
      message: expect.stringContaining('9999-later') as unknown,
      hint: expect.not.stringContaining('move the file away') as unknown,
    });
  });

  test('names both ways on from a device that it does not know', async () => {
    await using cloud = await startCloud();
    await expect(cloud.operator.device('kiosk-7')).rejects.toMatchObject({
      code: 'notFound',
      hint: expect.stringMatching(/holdfast devices lists .*: holdfast devices enrol kiosk-7$/) as unknown,
    });
  });

  test('writes every change by an operator to a log that cannot be changed', async () => {
    await using cloud = await startCloud();
    await using _device = await cloud.enrol('a');
    await cloud.operator.deploy('a', manifestFor('a'));
    await cloud.operator.revoke('a');
    using database = new DatabaseSync(join(cloud.folder, 'control-plane.db'));
    const rows = database.prepare('SELECT actor, action FROM audit ORDER BY id').all();
    expect(rows.map(({ actor, action }) => [actor, action])).toEqual([
      ['system', 'operator.created'],
      ['operator:admin', 'device.token.created'],
      ['device:a', 'device.enrolled'],
      ['operator:admin', 'device.deployed'],
      ['operator:admin', 'device.revoked'],
    ]);
    expect(() => database.exec('DELETE FROM audit')).toThrow('append-only');
    expect(() => database.exec("UPDATE audit SET actor = 'nobody'")).toThrow('append-only');
  });
});

describe('a recovery', () => {
  test('gives a blank machine the identity and takes it from the old disk', async () => {
    await using cloud = await startCloud();
    await using old = await cloud.enrol('a');
    const { wrapped, publicKey } = await createRecoveryKey(passphrase, cheap);
    await cloud.operator.deploy('a', manifestFor('a'), { recoveryKey: publicKey });
    await using oldLink = await subscribe(await old.connect());
    await oldLink.send(oldLink.topics.online, online(7), { retain: true });
    await oldLink.relay(batchOf(1, 2));
    await oldLink.next(oldLink.topics.relayAck);

    const { privateKeyPem: key } = createDeviceKey();
    const csr = await createCsr(key, 'a');
    const { sign } = await openRecoveryKey(wrapped, passphrase);
    const { nonce } = await cloud.anybody.recoveryChallenge({ device: 'a' });
    const request = {
      device: 'a',
      nonce,
      csr,
      signature: sign(recoveryMessage({ device: 'a', nonce, csr })),
    };
    const identity = await cloud.anybody.recover(request);

    await oldLink.closed;
    await expect(old.connect()).rejects.toMatchObject({ code: 5 });
    await expect(old.api.desired()).rejects.toMatchObject({ code: 'unauthorized' });
    await expect(cloud.anybody.recover(request)).rejects.toMatchObject({ code: 'forbidden' });

    await using device = asDevice(cloud.plane.url, { ...identity, key });
    await expect(device.api.desired()).resolves.toMatchObject({ generation: 1 });
    await using link = await subscribe(await device.connect());
    await link.send(link.topics.online, online(1), { retain: true });
    await expect(cloud.operator.device('a')).resolves.toMatchObject({ online: { online: true, session: 1 } });
    await link.relay(batchOf(1, 1, { epoch: 'ffffffffffffffff' }));
    expect(json(await link.next(link.topics.relayAck))).toMatchObject({ seq: 1 });

    link.say(link.topics.relay, 'the epoch of the old disk follows');
    await link.closed;
    await using again = await device.connect();
    await expect(again.relay(batchOf(3, 3))).rejects.toThrow('closed');
    const { messages } = await cloud.operator.messages('a', {});
    expect(messages).toHaveLength(3);
  });

  test('is refused without a key on record, with another key and with an old nonce', async () => {
    await using cloud = await startCloud();
    await using device = await cloud.enrol('a');
    const [owner, thief] = [
      await createRecoveryKey(passphrase, cheap),
      await createRecoveryKey(passphrase, cheap),
    ];
    const csr = await createCsr(createDeviceKey().privateKeyPem, 'a');
    const attempt = async (wrapped: string, waitMs = 0) => {
      const { nonce } = await cloud.anybody.recoveryChallenge({ device: 'a' });
      const { sign } = await openRecoveryKey(wrapped, passphrase);
      cloud.advance(waitMs);
      const signature = sign(recoveryMessage({ device: 'a', nonce, csr }));
      return cloud.anybody.recover({ device: 'a', nonce, csr, signature });
    };
    await expect(attempt(owner.wrapped)).rejects.toMatchObject({ code: 'forbidden' });
    await cloud.operator.deploy('a', manifestFor('a'), { recoveryKey: owner.publicKey });
    await expect(attempt(thief.wrapped)).rejects.toMatchObject({ code: 'forbidden' });
    await expect(attempt(owner.wrapped, 6 * 60_000)).rejects.toMatchObject({ code: 'forbidden' });
    await expect(device.api.desired()).resolves.toMatchObject({ generation: 1 });
    await expect(attempt(owner.wrapped)).resolves.toMatchObject({ device: 'a' });
  });

  test('key that is none is refused at the deploy', async () => {
    await using cloud = await startCloud();
    await using _device = await cloud.enrol('a');
    const deploy = cloud.operator.deploy('a', manifestFor('a'), { recoveryKey: 'AAAA' });
    await expect(deploy).rejects.toMatchObject({ code: 'badRequest' });
  });
});
