import { describe, expect, test } from '@jest/globals';
import { createCsr, createDeviceKey, parseEnrolmentToken } from '../../cloud-sync/trust/index.ts';
import type { Digest } from '../../lib/digest.ts';
import { createHttpsClient } from '../../lib/https-client.ts';
import { canonicalize } from '../../manifests/index.ts';
import { asDevice, json, manifestFor, startCloud, subscribe } from '../support/cloud.ts';

const containing = (text: string): unknown => expect.stringContaining(text);

describe('enrolment', () => {
  test('gives a device a certificate that the API knows it by', async () => {
    await using cloud = await startCloud();
    await using device = await cloud.enrol('greenhouse-7');
    await expect(device.api.desired()).resolves.toBeUndefined();
    await expect(cloud.operator.devices()).resolves.toMatchObject([{ name: 'greenhouse-7', enrolled: true }]);
  });

  test('answers the same key again and refuses another key of the same token', async () => {
    await using cloud = await startCloud();
    const { token } = await cloud.operator.createEnrolmentToken({ device: 'a' });
    const { secret } = parseEnrolmentToken(token);
    const { privateKeyPem } = createDeviceKey();
    const request = async (key: string) => ({ device: 'a', secret, csr: await createCsr(key, 'a') });
    const first = await cloud.anybody.enrol(await request(privateKeyPem));
    await expect(cloud.anybody.enrol(await request(privateKeyPem))).resolves.toEqual(first);
    const stolen = cloud.anybody.enrol(await request(createDeviceKey().privateKeyPem));
    await expect(stolen).rejects.toMatchObject({ code: 'tokenUsed', transient: false });
  });

  test('gives one certificate when the same request comes many times at once', async () => {
    await using cloud = await startCloud();
    const { token } = await cloud.operator.createEnrolmentToken({ device: 'a' });
    const { secret } = parseEnrolmentToken(token);
    const csr = await createCsr(createDeviceKey().privateKeyPem, 'a');
    const answers = await Promise.all(
      Array.from({ length: 5 }, () => cloud.anybody.enrol({ device: 'a', secret, csr })),
    );
    expect(new Set(answers.map(({ certificate }) => certificate)).size).toBe(1);
  });

  test('refuses a token that expired, that is unknown, and that is for another device', async () => {
    await using cloud = await startCloud();
    const { token } = await cloud.operator.createEnrolmentToken({ device: 'a', expiresInSeconds: 60 });
    const { secret } = parseEnrolmentToken(token);
    const csr = await createCsr(createDeviceKey().privateKeyPem, 'a');
    await expect(cloud.anybody.enrol({ device: 'b', secret, csr })).rejects.toMatchObject({
      code: 'badToken',
    });
    const other = cloud.anybody.enrol({ device: 'a', secret: 'x'.repeat(43), csr });
    await expect(other).rejects.toMatchObject({ code: 'badToken' });
    cloud.advance(61_000);
    await expect(cloud.anybody.enrol({ device: 'a', secret, csr })).rejects.toMatchObject({
      code: 'tokenExpired',
    });
  });
});

describe('the API', () => {
  test('keeps operators, devices and strangers apart', async () => {
    await using cloud = await startCloud();
    await using device = await cloud.enrol('a');
    await expect(cloud.anybody.devices()).rejects.toMatchObject({ code: 'unauthorized' });
    await expect(cloud.anybody.desired()).rejects.toMatchObject({ code: 'unauthorized' });
    await expect(device.api.devices()).rejects.toMatchObject({ code: 'forbidden' });
    await expect(cloud.operator.desired()).rejects.toMatchObject({ code: 'forbidden' });
    await expect(cloud.operator.device('none')).rejects.toMatchObject({ code: 'notFound' });
  });

  test('refuses a device whose certificate was revoked', async () => {
    await using cloud = await startCloud();
    await using device = await cloud.enrol('a');
    await cloud.operator.revoke('a');
    await expect(device.api.desired()).rejects.toMatchObject({ code: 'unauthorized' });
  });

  test('refuses a certificate of another authority', async () => {
    await using cloud = await startCloud();
    await using other = await startCloud();
    await using device = await other.enrol('a');
    await cloud.enrol('a');
    const { ca } = await cloud.anybody.info();
    await using impostor = asDevice(cloud.plane.url, { ...device.identity, ca, mqtt: cloud.plane.mqttUrl });
    await expect(impostor.api.desired()).rejects.toMatchObject({ code: 'unauthorized' });
    await expect(impostor.connect()).rejects.toMatchObject({ code: 5 });
  });

  test('answers nonsense with a problem and without a stack', async () => {
    await using cloud = await startCloud();
    await using http = createHttpsClient({ ca: cloud.plane.caPem });
    const ask = async (method: 'GET' | 'POST', path: string, body?: string) => {
      const headers = {
        authorization: `Bearer ${cloud.plane.operatorToken}`,
        'content-type': 'application/json',
      };
      const request = {
        method,
        url: `${cloud.plane.url}${path}`,
        headers,
        ...(body !== undefined && { body }),
      };
      const response = await http.request(request);
      return [response.status, JSON.parse(Buffer.from(await response.bytes(65_536)).toString())] as const;
    };
    expect(await ask('GET', '/nothing')).toMatchObject([404, { code: 'notFound' }]);
    expect(await ask('POST', '/v1/enrolment-tokens', '{')).toMatchObject([400, { code: 'badRequest' }]);
    expect(await ask('POST', '/v1/enrolment-tokens', '{"device":"../x"}')).toMatchObject([
      400,
      { code: 'badRequest', message: containing('device') },
    ]);
    const large = JSON.stringify({ device: 'a'.repeat(100_000) });
    expect(await ask('POST', '/v1/enrolment-tokens', large)).toMatchObject([413, { code: 'tooLarge' }]);
  });

  test('describes itself as OpenAPI 3.1', async () => {
    await using cloud = await startCloud();
    await using http = createHttpsClient({ ca: cloud.plane.caPem });
    const response = await http.request({ url: `${cloud.plane.url}/v1/openapi.json` });
    const document = JSON.parse(Buffer.from(await response.bytes(2 ** 20)).toString()) as {
      openapi: string;
      paths: Record<string, unknown>;
    };
    expect(document.openapi).toBe('3.1.0');
    expect(Object.keys(document.paths)).toEqual(
      expect.arrayContaining(['/v1/enrol', '/v1/devices/{device}/desired', '/v1/device/manifests/{digest}']),
    );
  });
});

describe('a deploy', () => {
  test('gives a generation that the device sees by MQTT and by HTTPS', async () => {
    await using cloud = await startCloud();
    await using device = await cloud.enrol('a');
    await using link = await subscribe(await device.connect());
    const bytes = manifestFor('a');
    const { unchanged, ...desired } = await cloud.operator.deploy('a', bytes);
    expect(unchanged).toBe(false);
    expect(desired.generation).toBe(1);
    expect(json(await link.next(link.topics.desired))).toEqual(desired);
    await expect(device.api.desired()).resolves.toEqual(desired);
    const received = await device.api.manifest(desired.digest as Digest, desired.size);
    expect(Buffer.from(received)).toEqual(bytes);
  });

  test('changes nothing when it is repeated, and an older manifest gets a newer generation', async () => {
    await using cloud = await startCloud();
    await cloud.enrol('a');
    const [first, second] = [manifestFor('a'), manifestFor('a', { site: 'north' })];
    await cloud.operator.deploy('a', first);
    await expect(cloud.operator.deploy('a', first)).resolves.toMatchObject({
      generation: 1,
      unchanged: true,
    });
    await expect(cloud.operator.deploy('a', second)).resolves.toMatchObject({
      generation: 2,
      unchanged: false,
    });
    await expect(cloud.operator.deploy('a', first)).resolves.toMatchObject({
      generation: 3,
      unchanged: false,
    });
  });

  test('is refused for another device, for bytes that are not canonical and for a missing bundle', async () => {
    await using cloud = await startCloud();
    await cloud.enrol('a');
    const refused = (bytes: Uint8Array) => expect(cloud.operator.deploy('a', bytes)).rejects;
    await refused(manifestFor('b')).toMatchObject({ code: 'badManifest' });
    await refused(Buffer.from(`${manifestFor('a').toString()}\n`)).toMatchObject({ code: 'badManifest' });
    await refused(Buffer.from('nonsense')).toMatchObject({ code: 'badManifest' });
    await refused(Buffer.alloc(5 * 2 ** 20, 0x20)).toMatchObject({ code: 'tooLarge' });
    const bundle = `functions/x@sha256:${'0'.repeat(64)}`;
    const document = {
      apiVersion: 'holdfast/v1',
      kind: 'Machine',
      metadata: { name: 'a' },
      functions: { x: { bundle } },
    };
    await refused(Buffer.from(canonicalize(document))).toMatchObject({
      code: 'missingBundle',
      message: containing('functions.x'),
    });
    await expect(cloud.operator.device('a')).resolves.toMatchObject({ desired: null });
  });

  test('of one device is not given to another', async () => {
    await using cloud = await startCloud();
    await cloud.enrol('a');
    await using other = await cloud.enrol('b');
    const { digest, size } = await cloud.operator.deploy('a', manifestFor('a'));
    await expect(other.api.manifest(digest as Digest, size)).rejects.toMatchObject({ code: 'notFound' });
  });

  test('costs a device that knows it only an empty answer', async () => {
    await using cloud = await startCloud();
    await using device = await cloud.enrol('a');
    await cloud.operator.deploy('a', manifestFor('a'));
    const { certificate, key, ca } = device.identity;
    await using http = createHttpsClient({ ca, identity: { certificate, key } });
    const url = `${cloud.plane.url}/v1/device/desired`;
    const first = await http.request({ url });
    await first.discard();
    const etag = first.headers.etag!;
    const second = await http.request({ url, headers: { 'if-none-match': etag } });
    expect(second.status).toBe(304);
    await second.discard();
  });
});
