import { describe, expect, test } from '@jest/globals';
import { BodyTooLargeError, type HttpsClient, type HttpsRequest } from '../../lib/https-client.ts';
import type { Digest } from '../../lib/digest.ts';
import { ControlPlaneClient } from './control-plane-client.ts';

type Answer = { readonly status: number; readonly body: string | Uint8Array };

/** Answers every request alike and remembers them. */
function answering(answer: Answer | Error) {
  const requests: HttpsRequest[] = [];
  const http = {
    request(request) {
      requests.push(request);
      if (answer instanceof Error) return Promise.reject(answer);
      const bytes = Buffer.from(answer.body);
      return Promise.resolve({
        status: answer.status,
        headers: {},
        body: (async function* () {
          await Promise.resolve();
          yield bytes;
        })(),
        bytes: (maxBytes: number) =>
          bytes.byteLength > maxBytes
            ? Promise.reject(new BodyTooLargeError(request.url, maxBytes))
            : Promise.resolve(bytes),
        discard: () => Promise.resolve(),
      });
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  } satisfies HttpsClient;
  const client = new ControlPlaneClient({ http, url: 'https://cloud.example.com:8443', token: 'secret' });
  return { client, requests };
}

const digest: Digest = `sha256:${'0'.repeat(64)}` as Digest;
const problem = (code: string, message = 'why', hint = 'what to do') =>
  JSON.stringify({ code, message, hint });

const noMessages = { messages: [], next: null, position: 3, removed: null };

describe('a request', () => {
  test('carries the token, its body as JSON, and parameters quoted', async () => {
    const { client, requests } = answering({ status: 200, body: JSON.stringify(noMessages) });
    const page = await client.messages('a/b', { topic: 'x/+ &', stream: undefined, after: 3 });
    expect(page).toEqual(noMessages);
    expect(requests[0]).toMatchObject({
      method: 'GET',
      url: 'https://cloud.example.com:8443/v1/devices/a%2Fb/messages?topic=x%2F%2B+%26&after=3',
      headers: { authorization: 'Bearer secret' },
    });
  });

  test('to deploy sends the bytes of the manifest as they are', async () => {
    const body = JSON.stringify({ generation: 1, digest, size: 2, unchanged: false });
    const { client, requests } = answering({ status: 200, body });
    const bytes = Buffer.from('{}');
    await client.deploy('a', bytes, { recoveryKey: 'k' });
    expect(requests[0]).toMatchObject({ method: 'PUT', body: bytes });
    expect(requests[0]?.url).toMatch(/desired\?recoveryKey=k$/);
    expect(requests[0]?.headers?.['content-type']).toBe('application/vnd.holdfast.machine.v1+json');
  });
});

describe('an answer', () => {
  test.each([
    ['is no JSON', '<html>'],
    ['is JSON of another shape', '{"generation":"1"}'],
    ['is empty', ''],
    ['is too large', 'x'.repeat(300 * 1024)],
  ])('that %s is a badAnswer, never retried', async (_, body) => {
    const { client } = answering({ status: 200, body });
    await expect(client.desired()).rejects.toMatchObject({ code: 'badAnswer', transient: false });
  });

  test('keeps the code, the words and the hint of a refusal', async () => {
    const { client } = answering({ status: 409, body: problem('tokenUsed') });
    await expect(client.enrol({ device: 'a', secret: 's', csr: 'c' })).rejects.toMatchObject({
      code: 'tokenUsed',
      message: 'why',
      hint: 'what to do',
      transient: false,
    });
  });

  test.each([
    [404, 'notFound'],
    [403, 'forbidden'],
    [418, 'badRequest'],
    [500, 'unavailable'],
  ])('with status %i and a code of a later version is %s', async (status, code) => {
    const { client } = answering({ status, body: problem('fromTheFuture') });
    await expect(client.info()).rejects.toMatchObject({ code, message: 'why' });
  });

  test('of a gateway that is busy is transient', async () => {
    const { client } = answering({ status: 503, body: '<html>' });
    await expect(client.info()).rejects.toMatchObject({ code: 'badAnswer', transient: true });
  });

  test('that nothing is deployed is undefined', async () => {
    const { client } = answering({ status: 404, body: problem('notFound') });
    await expect(client.desired()).resolves.toBeUndefined();
  });

  test('of a manifest is no longer than it was announced', async () => {
    const { client } = answering({ status: 200, body: '12345' });
    await expect(client.manifest(digest, 5)).resolves.toHaveLength(5);
    await expect(client.manifest(digest, 4)).rejects.toMatchObject({ code: 'badAnswer' });
  });
});

describe('a failure of the network', () => {
  test('is transient when it may pass', async () => {
    const { client } = answering(Object.assign(new Error('refused'), { code: 'ECONNREFUSED' }));
    await expect(client.info()).rejects.toMatchObject({ code: 'network', transient: true });
  });

  test('makes one look at the clock of this machine when the certificate is not yet valid', async () => {
    const { client } = answering(Object.assign(new Error('not yet valid'), { code: 'CERT_NOT_YET_VALID' }));
    await expect(client.info()).rejects.toMatchObject({
      code: 'network',
      hint: expect.stringMatching(/^The clock of this machine says /),
    });
  });

  test('is not when the certificate is wrong', async () => {
    const { client } = answering(
      Object.assign(new Error('self-signed'), { code: 'DEPTH_ZERO_SELF_SIGNED_CERT' }),
    );
    await expect(client.info()).rejects.toMatchObject({ code: 'network', transient: false });
  });

  test('is not invented for an abort', async () => {
    const abort = new AbortController();
    abort.abort();
    const { client } = answering(Object.assign(new Error('aborted'), { name: 'AbortError' }));
    await expect(client.info({ signal: abort.signal })).rejects.toMatchObject({ name: 'AbortError' });
  });
});
