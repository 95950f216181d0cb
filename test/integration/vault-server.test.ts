import { hash, randomBytes } from 'node:crypto';
import { mkdir, readdir, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { request } from 'node:https';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { openRestBackend } from '../../cloud-sync/vault/backend/rest-backend.ts';
import type { VaultBackend } from '../../cloud-sync/vault/backend/backend.ts';
import { createHttpsClient, type HttpsRequest } from '../../lib/https-client.ts';
import { eventually, startCloud, type TestCloud, type TestDevice } from '../support/cloud.ts';

const name = 'kiosk-1';
const { signal } = new AbortController();
const never = { attempts: 1, minDelayMs: 1, maxDelayMs: 1 };
const basic = (token: string) => `Basic ${Buffer.from(`operator:${token}`).toString('base64')}`;
let stack: AsyncDisposableStack;
let cloud: TestCloud;
let device: TestDevice;

beforeEach(async () => {
  stack = new AsyncDisposableStack();
  cloud = stack.use(await startCloud({ vaultQuotaBytes: 10 * 2 ** 20 }));
  device = stack.use(await cloud.enrol(name));
}, 60_000);
afterEach(async () => {
  await stack.disposeAsync();
}, 60_000);

/** Of a device's vault, with its certificate. */
function backendOf({ identity }: TestDevice, of = name): VaultBackend {
  const { ca, certificate, key } = identity;
  const url = `${cloud.plane.url}/vault/${of}/`;
  return stack.use(openRestBackend({ url, ca, identity: { certificate, key }, retry: never }));
}

function operatorBackend(): VaultBackend {
  const url = `${cloud.plane.url}/vault/${name}/`;
  const { caPem: ca, operatorToken: token } = cloud.plane;
  return stack.use(openRestBackend({ url, ca, token, retry: never }));
}

/** One request without a certificate; the answer with its text. */
async function ask(path: string, request: Omit<HttpsRequest, 'url'> = {}) {
  await using http = createHttpsClient({ ca: cloud.plane.caPem });
  const response = await http.request({ ...request, url: `${cloud.plane.url}${path}` });
  const text = Buffer.from(await response.bytes(2 ** 20)).toString();
  return { status: response.status, headers: response.headers, text };
}

/** Of all files of a folder; 0 while there is none. */
async function bytesIn(folder: string): Promise<number> {
  const names = await readdir(folder).catch(() => []);
  const sizes = names.map(async (file) => (await stat(join(folder, file)).catch(() => undefined))?.size ?? 0);
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
}

type Type = 'keys' | 'data' | 'index' | 'snapshots' | 'locks';

async function put(backend: VaultBackend, type: Type, size = 100): Promise<string> {
  const bytes = randomBytes(size);
  const file = hash('sha256', bytes, 'hex');
  await backend.write(type, file, bytes, { signal });
  return file;
}

function auditLog(): { actor: string; action: string; detail: unknown }[] {
  const database = new DatabaseSync(join(cloud.folder, 'control-plane.db'), { readOnly: true });
  try {
    const rows = database
      .prepare("SELECT actor, action, detail FROM audit WHERE action LIKE 'vault.%' ORDER BY id")
      .all();
    return rows.map((row) => ({
      actor: String(row.actor),
      action: String(row.action),
      detail: JSON.parse(String(row.detail)) as unknown,
    }));
  } finally {
    database.close();
  }
}

describe('who may reach a vault', () => {
  test('nobody without a credential, and they are told how to log in', async () => {
    const { status, headers, text } = await ask(`/vault/${name}/keys/`);
    expect(status).toBe(401);
    expect(headers['www-authenticate']).toMatch(/^Basic /);
    expect(JSON.parse(text)).toMatchObject({ code: 'unauthorized' });
    const authorization = basic('hfo-not-a-token');
    expect((await ask(`/vault/${name}/config`, { headers: { authorization } })).status).toBe(401);
    const post = { method: 'POST', body: randomBytes(100_000), headers: { authorization } } as const;
    expect((await ask(`/vault/${name}/data/${'0'.repeat(64)}`, post)).status).toBe(401);
  });

  test('a device only its own, whatever it asks for', async () => {
    const other = stack.use(await cloud.enrol('kiosk-2'));
    const file = await put(backendOf(other, 'kiosk-2'), 'snapshots');
    const intruder = backendOf(device, 'kiosk-2');
    const forbidden = { code: 'forbidden' };
    await expect(intruder.list('snapshots', { signal })).rejects.toMatchObject(forbidden);
    await expect(intruder.read('snapshots', file, { signal })).rejects.toMatchObject(forbidden);
    await expect(put(intruder, 'data')).rejects.toMatchObject(forbidden);
    await expect(intruder.remove('locks', file, { signal })).rejects.toMatchObject(forbidden);
    await expect(intruder.create({ signal })).rejects.toMatchObject(forbidden);
    await expect(device.api.vault(name)).rejects.toMatchObject(forbidden);
    await expect(device.api.grantVault(name, { forMs: 60_000 })).rejects.toMatchObject(forbidden);
    await expect(device.api.setVaultQuota(name, { quotaBytes: null })).rejects.toMatchObject(forbidden);
    await expect(device.api.ownVault()).resolves.toMatchObject({ device: name, bytes: 0 });
  });

  test('an old certificate no more once the device has a new one, which finds what there was', async () => {
    const old = backendOf(device);
    const file = await put(old, 'snapshots');
    const again = stack.use(await cloud.enrol(name));
    await expect(old.read('snapshots', file, { signal })).rejects.toMatchObject({ code: 'unauthorized' });
    await expect(put(old, 'data')).rejects.toMatchObject({ code: 'unauthorized' });
    await expect(backendOf(again).read('snapshots', file, { signal })).resolves.toHaveLength(100);
  });

  test('of a device that is not there, operators find nothing', async () => {
    const { operatorToken: token } = cloud.plane;
    const headers = { authorization: basic(token) };
    expect((await ask('/vault/nobody/data/', { headers })).status).toBe(404);
    expect((await ask('/vault/nobody/?create=true', { headers, method: 'POST' })).status).toBe(404);
    await expect(cloud.operator.vault('nobody')).rejects.toMatchObject({ code: 'notFound' });
    await expect(cloud.operator.grantVault('nobody', { forMs: 1000 })).rejects.toMatchObject({
      code: 'notFound',
    });
  });
});

describe('what is taken in', () => {
  test('a listing is of the version that was asked for', async () => {
    const file = await put(backendOf(device), 'index', 321);
    const headers = { authorization: basic(cloud.plane.operatorToken) };
    const first = await ask(`/vault/${name}/index/`, { headers });
    expect(first.headers['content-type']).toBe('application/vnd.x.restic.rest.v1');
    expect(JSON.parse(first.text)).toEqual([file]);
    const accept = 'application/vnd.x.restic.rest.v2';
    const second = await ask(`/vault/${name}/index/`, { headers: { ...headers, accept } });
    expect(second.headers['content-type']).toBe(accept);
    expect(JSON.parse(second.text)).toEqual([{ name: file, size: 321, received: expect.any(Number) }]);
  });

  test('nothing whose bytes do not make its name, nor what is too large or has no name', async () => {
    const headers = { authorization: basic(cloud.plane.operatorToken) };
    const post = (path: string, body: Uint8Array) => ask(path, { method: 'POST', headers, body });
    const wrong = await post(`/vault/${name}/data/${'0'.repeat(64)}`, randomBytes(200_000));
    expect(wrong.status).toBe(400);
    expect(JSON.parse(wrong.text)).toMatchObject({ code: 'digestMismatch' });
    const large = randomBytes(64 * 2 ** 10 + 1);
    for (const type of ['keys', 'locks']) {
      expect((await post(`/vault/${name}/${type}/${hash('sha256', large, 'hex')}`, large)).status).toBe(413);
    }
    expect((await post(`/vault/${name}/config`, large)).status).toBe(413);
    expect((await post(`/vault/${name}/data/..%2f..%2fx`, large)).status).toBe(400);
    expect((await post(`/vault/${name}/other/x`, large)).status).toBe(404);
    const { bytes, files } = await cloud.operator.vault(name);
    expect({ bytes, data: files.data.count }).toEqual({ bytes: 0, data: 0 });
    await expect(readdir(join(cloud.folder, 'vault', name, '.partial'))).resolves.toEqual([]);
  });

  test('[G1] an upload that breaks off leaves nothing, and the same file can be sent again', async () => {
    const backend = backendOf(device);
    const bytes = randomBytes(8 * 2 ** 20);
    const file = hash('sha256', bytes, 'hex');
    const sending = request(`${cloud.plane.url}/vault/${name}/data/${file}`, {
      ...{ method: 'POST', ca: cloud.plane.caPem, agent: false },
      headers: { authorization: basic(cloud.plane.operatorToken), 'content-length': bytes.byteLength },
    });
    sending.on('error', () => undefined);
    sending.write(bytes.subarray(0, 6 * 2 ** 20));
    const partials = join(cloud.folder, 'vault', name, '.partial');
    await eventually(async () => (await bytesIn(partials)) > 4 * 2 ** 20);
    sending.destroy();
    await eventually(async () => (await bytesIn(partials)) === 0);
    await expect(backend.list('data', { signal })).resolves.toEqual([]);
    await backend.write('data', file, bytes, { signal });
    expect((await backend.read('data', file, { signal })).equals(bytes)).toBe(true);
  }, 60_000);

  test('of two uploads of one file at once, one is kept and none is spoilt', async () => {
    const bytes = randomBytes(3 * 2 ** 20);
    const file = hash('sha256', bytes, 'hex');
    const results = await Promise.allSettled(
      Array.from({ length: 4 }, () => backendOf(device).write('data', file, bytes, { signal })),
    );
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    for (const result of results) {
      if (result.status === 'rejected') expect(result.reason).toMatchObject({ code: 'conflict' });
    }
    expect((await backendOf(device).read('data', file, { signal })).equals(bytes)).toBe(true);
    await expect(cloud.operator.vault(name)).resolves.toMatchObject({ bytes: bytes.byteLength });
  }, 60_000);

  test('when each file was received is told by the clock of the cloud, whatever becomes of the times in its folder', async () => {
    const backend = backendOf(device);
    const file = await put(backend, 'snapshots');
    const [listed] = await backend.list('snapshots', { signal });
    expect(Math.abs((listed?.receivedMs ?? 0) - Date.now())).toBeLessThan(60_000);
    await utimes(join(cloud.folder, 'vault', name, 'snapshots', file), 1000, 1000);
    cloud.advance(3_600_000);
    const later = await put(backend, 'snapshots');
    await cloud.restart();
    const files = await operatorBackend().list('snapshots', { signal });
    expect(files.find((other) => other.name === file)).toEqual(listed);
    const { snapshots, newestReceivedMs } = await cloud.operator.vault(name);
    expect(snapshots.map((snapshot) => snapshot.name)).toEqual([later, file]);
    expect(newestReceivedMs).toBeGreaterThanOrEqual((listed?.receivedMs ?? 0) + 3_600_000);
  });

  test('what a crash kept from the list is listed, and what somebody took away is not', async () => {
    const taken = await put(backendOf(device), 'data', 5000);
    const bytes = randomBytes(700);
    const left = hash('sha256', bytes, 'hex');
    const folder = join(cloud.folder, 'vault', name);
    await mkdir(join(folder, 'index'), { recursive: true });
    await writeFile(join(folder, 'index', left), bytes);
    await rm(join(folder, 'data', taken.slice(0, 2), taken));
    await cloud.restart();
    const backend = operatorBackend();
    await expect(backend.list('data', { signal })).resolves.toEqual([]);
    await expect(backend.list('index', { signal })).resolves.toMatchObject([{ name: left, bytes: 700 }]);
    await expect(cloud.operator.vault(name)).resolves.toMatchObject({ bytes: 700 });
    expect(cloud.events.find(({ event }) => event === 'vault.missing')).toMatchObject({ files: 1 });
  });
});

describe('removing', () => {
  test('a device that was taken over can neither remove nor overwrite what is there', async () => {
    const backend = backendOf(device);
    await backend.write('config', '', Buffer.from('config'), { signal });
    const url = `/vault/${name}`;
    await using http = createHttpsClient({
      ca: device.identity.ca,
      identity: { certificate: device.identity.certificate, key: device.identity.key },
    });
    const status = async (method: 'POST' | 'DELETE', path: string, body?: Uint8Array) => {
      const response = await http.request({
        method,
        url: `${cloud.plane.url}${url}${path}`,
        ...(body && { body }),
      });
      await response.discard();
      return response.status;
    };
    for (const type of ['keys', 'data', 'index', 'snapshots'] as const) {
      const file = await put(backend, type);
      expect(await status('DELETE', `/${type}/${file}`)).toBe(403);
      expect(await status('POST', `/${type}/${file}`, Buffer.from('other'))).toBe(409);
      await expect(backend.read(type, file, { signal })).resolves.toHaveLength(100);
    }
    expect(await status('POST', '/config', Buffer.from('other'))).toBe(409);
    expect(await status('DELETE', '/config')).toBe(403);
    expect(await status('DELETE', '/')).toBe(403);
    expect((await backend.read('config', '', { signal })).toString()).toBe('config');
    const lock = await put(backend, 'locks');
    expect(await status('DELETE', `/locks/${lock}`)).toBe(200);
  });

  test('takes a grant, which ends by itself or when it is taken back; the config stays', async () => {
    const backend = backendOf(device);
    await backend.write('config', '', Buffer.from('config'), { signal });
    const [first, second, third] = [
      await put(backend, 'data'),
      await put(backend, 'data'),
      await put(backend, 'keys'),
    ];
    const grant = await cloud.operator.grantVault(name, { forMs: 3_600_000 });
    expect(grant?.by).toBe('operator:admin');
    await expect(device.api.ownVault()).resolves.toMatchObject({ grant });
    await backend.remove('data', first, { signal });
    const authorization = basic(cloud.plane.operatorToken);
    const config = await ask(`/vault/${name}/config`, { method: 'DELETE', headers: { authorization } });
    expect(config.status).toBe(403);
    cloud.advance(3_600_001);
    await expect(device.api.ownVault()).resolves.toMatchObject({ grant: null });
    await expect(backend.remove('data', second, { signal })).rejects.toMatchObject({ code: 'forbidden' });
    await expect(operatorBackend().remove('keys', third, { signal })).rejects.toMatchObject({
      code: 'forbidden',
    });
    await cloud.operator.grantVault(name, { forMs: 3_600_000 });
    await operatorBackend().remove('keys', third, { signal });
    await expect(cloud.operator.grantVault(name, null)).resolves.toBeNull();
    await expect(backend.remove('data', second, { signal })).rejects.toMatchObject({ code: 'forbidden' });
  });

  test('is in the audit log, summed up, and so are grants and quotas', async () => {
    const backend = backendOf(device);
    const files = [await put(backend, 'data'), await put(backend, 'data'), await put(backend, 'index')];
    const lock = await put(backend, 'locks');
    await cloud.operator.grantVault(name, { forMs: 60_000 });
    await backend.remove('data', files[0] ?? '', { signal });
    await backend.remove('data', files[1] ?? '', { signal });
    await operatorBackend().remove('index', files[2] ?? '', { signal });
    await backend.remove('locks', lock, { signal });
    await cloud.operator.grantVault(name, null);
    await cloud.operator.setVaultQuota(name, { quotaBytes: 1000 });
    await cloud.operator.setVaultQuota(name, null);
    await cloud.restart();
    const entries = auditLog();
    const actor = 'operator:admin';
    expect(entries).toContainEqual({
      actor,
      action: 'vault.granted',
      detail: expect.objectContaining({ forMs: 60_000 }),
    });
    expect(entries).toContainEqual({ actor, action: 'vault.grantEnded', detail: {} });
    expect(entries).toContainEqual({ actor, action: 'vault.quotaSet', detail: { quotaBytes: 1000 } });
    expect(entries).toContainEqual({ actor, action: 'vault.quotaReset', detail: {} });
    const removals = entries.filter(({ action }) => action === 'vault.removed');
    expect(removals).toHaveLength(2);
    expect(removals).toContainEqual({
      actor: `device:${name}`,
      action: 'vault.removed',
      detail: { files: 2, bytes: 200 },
    });
    expect(removals).toContainEqual({ actor, action: 'vault.removed', detail: { files: 1, bytes: 100 } });
  });
});

describe('how much a vault takes', () => {
  test('is bounded for uploads at once too, and the answer says why', async () => {
    await cloud.operator.setVaultQuota(name, { quotaBytes: 100_000 });
    const results = await Promise.allSettled(
      Array.from({ length: 10 }, () => put(backendOf(device), 'data', 30_000)),
    );
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(3);
    for (const result of results) {
      if (result.status === 'rejected') expect(result.reason).toMatchObject({ code: 'quotaExceeded' });
    }
    await expect(cloud.operator.vault(name)).resolves.toMatchObject({ bytes: 90_000, quotaBytes: 100_000 });
    const body = randomBytes(10_001);
    const authorization = basic(cloud.plane.operatorToken);
    const path = `/vault/${name}/data/${hash('sha256', body, 'hex')}`;
    const refused = await ask(path, { method: 'POST', body, headers: { authorization } });
    expect(refused.status).toBe(507);
    expect(JSON.parse(refused.text)).toMatchObject({ code: 'quotaExceeded', hint: expect.any(String) });
    await put(backendOf(device), 'data', 10_000);
  }, 60_000);

  test('leaves room for locks, and within a grant for what a prune writes', async () => {
    const backend = backendOf(device);
    await cloud.operator.setVaultQuota(name, { quotaBytes: 1000 });
    const file = await put(backend, 'data', 1000);
    await put(backend, 'locks');
    await expect(put(backend, 'index')).rejects.toMatchObject({ code: 'quotaExceeded' });
    await cloud.operator.grantVault(name, { forMs: 60_000 });
    await put(backend, 'index');
    await backend.remove('data', file, { signal });
    await cloud.operator.grantVault(name, null);
    await put(backend, 'index');
    await expect(cloud.operator.vault(name)).resolves.toMatchObject({ bytes: 300, grant: null });
  });

  test('goes by the default until it has a quota of its own', async () => {
    await expect(cloud.operator.vault(name)).resolves.toMatchObject({ quotaBytes: 10 * 2 ** 20 });
    await cloud.operator.setVaultQuota(name, { quotaBytes: null });
    await expect(device.api.ownVault()).resolves.toMatchObject({ quotaBytes: null });
    await cloud.operator.setVaultQuota(name, null);
    await expect(device.api.ownVault()).resolves.toMatchObject({ quotaBytes: 10 * 2 ** 20 });
    await expect(cloud.operator.setVaultQuota(name, null)).rejects.toMatchObject({ code: 'notFound' });
  });

  test('is measured', async () => {
    await put(backendOf(device), 'snapshots', 123);
    const headers = { authorization: `Bearer ${cloud.plane.operatorToken}` };
    const { text } = await ask('/metrics', { headers });
    expect(text).toMatch(/^holdfast_cloud_vault_size_bytes\{device="kiosk-1"\} 123$/m);
    expect(text).toMatch(/^holdfast_cloud_vault_snapshots\{device="kiosk-1"\} 1$/m);
    expect(text).toMatch(/^holdfast_cloud_vault_last_snapshot_seconds\{device="kiosk-1"\} [0-9.e+]+$/m);
    expect(text).toMatch(/^holdfast_cloud_vault_received_bytes_total 123$/m);
  });
});
