import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import {
  deviceKey,
  loadIdentity,
  saveIdentity,
  type IdentityDocument,
} from '../../agent/identity/identity-store.ts';
import { takeIdentity } from '../../agent/identity/take-identity.ts';
import { emptyState } from '../../agent/reconcile/state-schema.ts';
import { silentLogger } from '../../lib/logger.ts';
import { makeCertificate } from '../support/certificates.ts';
import { temporaryFolder } from '../support/cli.ts';

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let document: IdentityDocument;
const at = (...names: string[]) => join(folder.path, ...names);
const keyFile = () => at('identity', 'device.key');

beforeEach(async () => {
  folder = await temporaryFolder();
  await mkdir(at('identity'));
  const { certificatePem: certificate, keyPem } = await makeCertificate(folder.path, 'kiosk-1');
  document = {
    ...{ version: 1, tenant: 'default', device: 'kiosk-1' },
    ...{ url: 'https://localhost:1', mqtt: 'mqtts://localhost:2', certificate, ca: certificate },
  };
  await saveIdentity(folder.path, document);
  await writeFile(keyFile(), keyPem);
});
afterEach(async () => {
  await folder[Symbol.asyncDispose]();
});

async function expectBroken(message: string): Promise<void> {
  await expect(loadIdentity(folder.path)).rejects.toMatchObject({
    ...{ code: 'stateBroken', message },
    hint: expect.stringContaining('holdfast restore machine.yaml'),
  });
}

test('an identity that is whole is loaded; without its key there is none', async () => {
  expect(await loadIdentity(folder.path)).toMatchObject({ device: 'kiosk-1' });
  await rm(keyFile());
  expect(await loadIdentity(folder.path)).toBeUndefined();
});

test('a key that was lost takes its identity with it once there is another: what was cut short then can be begun anew', async () => {
  await rm(keyFile());
  const { keyPem } = await makeCertificate(folder.path, 'other');
  expect(await deviceKey(folder.path, () => Promise.resolve(keyPem))).toBe(keyPem);
  expect(await loadIdentity(folder.path)).toBeUndefined();
  expect(await deviceKey(folder.path, () => Promise.reject(new Error('another')))).toBe(keyPem);
});

test('a damaged key, or one of another certificate, is said to be what is broken', async () => {
  await writeFile(keyFile(), '-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n');
  await expectBroken(`The private key ${keyFile()} is broken`);
  await writeFile(keyFile(), '');
  await expectBroken(`The private key ${keyFile()} is broken`);
  await writeFile(keyFile(), (await makeCertificate(folder.path, 'other')).keyPem);
  await expectBroken(`The private key ${keyFile()}, which does not fit the certificate beside it, is broken`);
});

test.each(['certificate', 'ca'] as const)('a damaged %s is said to be what is broken', async (name) => {
  await saveIdentity(folder.path, { ...document, [name]: document[name].slice(0, 200) });
  await expectBroken(`The ${name} of ${at('identity', 'identity.json')} is broken`);
});

test('a damaged key without an identity is named, with the way out', async () => {
  await rm(at('identity', 'identity.json'));
  await writeFile(keyFile(), '');
  await expect(deviceKey(folder.path, () => Promise.reject(new Error('another')))).rejects.toMatchObject({
    ...{ code: 'stateBroken', message: `The private key ${keyFile()} is broken` },
    hint: expect.stringContaining(`Remove ${keyFile()} and enrol again`),
  });
});

test('an enrolment that was cut short after the key was made is told from none, with the way on', async () => {
  const take = () =>
    takeIdentity(folder.path, {
      token: undefined,
      store: { state: emptyState, update: () => Promise.resolve() },
      logger: silentLogger,
      signal: new AbortController().signal,
    });
  expect(await take()).toMatchObject({ device: 'kiosk-1' });
  await rm(at('identity', 'identity.json'));
  await expect(take()).rejects.toMatchObject({
    code: 'notEnrolled',
    message: expect.stringContaining('was cut short'),
    hint: expect.stringMatching(/the same --token .* unless it was refused: then take a new one/),
  });
  await rm(keyFile());
  await expect(take()).rejects.toMatchObject({ message: `There is no device in ${folder.path} yet` });
});
