import { request } from 'node:https';
import { clockDoubt } from '../../lib/clock-doubt.ts';
import { BodyTooLargeError, createHttpsClient } from '../../lib/https-client.ts';
import { isTransientNetworkError } from '../../lib/network-error.ts';
import type { Digest } from '../../lib/digest.ts';
import { errorMessage, isAbortError } from '../../lib/error-code.ts';
import { infoSchema, type Info } from '../protocol/api.ts';
import { SyncError } from '../errors.ts';
import { certificatePin, readCertificate } from './device-certificate.ts';

const maxInfoBytes = 65_536;
const timeoutMs = 15_000;

export type PinnedCaRequest = {
  /** The control plane's HTTPS address. */
  readonly url: string;
  /** SHA-256 of the CA certificate's DER form, from a token or a machine file. */
  readonly pin: Digest;
  readonly signal: AbortSignal;
};

/**
 * First contact: asks an unverified peer for its CA certificate, believes it only if it has the pinned hash, then asks
 * again over a connection verified with that CA and answers what was said there. The first request carries no secret.
 * Errors: `pinMismatch`, `badAnswer`, `network` (transient).
 */
export async function fetchPinnedCa({ url, pin, signal }: PinnedCaRequest): Promise<Info> {
  const address = new URL('/v1/info', url).href;
  const { ca } = parseInfo(await attempt(address, () => getUnverified(address, signal)), address);
  const certificate = readCertificate(ca);
  const found = certificatePin(certificate);
  if (found !== pin || !certificate.ca) throw pinMismatch(address, pin, found);

  const pinned = certificate.toString();
  await using http = createHttpsClient({ ca: pinned, idleTimeoutMs: timeoutMs });
  const body = await attempt(address, async () => {
    const answer = await http.request({ url: address, signal });
    return answer.bytes(maxInfoBytes);
  });
  const info = parseInfo(body, address);
  return { ...info, ca: pinned };
}

async function attempt<T>(address: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (cause instanceof SyncError || isAbortError(cause)) throw cause;
    if (cause instanceof BodyTooLargeError) throw badAnswer(address, cause);
    const transient = isTransientNetworkError(cause);
    throw new SyncError('network', `Cannot reach the control plane at ${address}: ${errorMessage(cause)}`, {
      cause,
      transient,
      hint: transient
        ? 'Check that it is up and that this machine reaches it.'
        : (clockDoubt(cause) ??
          'Its TLS certificate does not fit this address; something may stand between.'),
    });
  }
}

/** The only place that speaks TLS to a peer it cannot name: see `fetchPinnedCa` for why that is safe. */
function getUnverified(address: string, signal: AbortSignal): Promise<Buffer> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  const chunks: Buffer[] = [];
  let size = 0;
  const asked = request(
    address,
    { rejectUnauthorized: false, agent: false, signal, timeout: timeoutMs },
    (answer) => {
      answer.on('data', (chunk: Buffer) => {
        size += chunk.length;
        chunks.push(chunk);
        if (size > maxInfoBytes) asked.destroy(new BodyTooLargeError(address, maxInfoBytes));
      });
      answer.on('end', () => resolve(Buffer.concat(chunks)));
      answer.on('error', reject);
    },
  );
  asked.on('timeout', () => asked.destroy(timedOut()));
  asked.on('error', reject);
  asked.end();
  return promise;
}

function timedOut(): Error {
  return Object.assign(new Error(`no answer within ${timeoutMs} ms`), { code: 'ETIMEDOUT' });
}

function parseInfo(body: Uint8Array, address: string): Info {
  try {
    return infoSchema.parse(JSON.parse(Buffer.from(body).toString()));
  } catch (cause) {
    throw badAnswer(address, cause);
  }
}

function badAnswer(address: string, cause: unknown): SyncError {
  return new SyncError('badAnswer', `The answer of ${address} is not that of a Holdfast control plane`, {
    cause,
    hint: 'Check the address.',
  });
}

function pinMismatch(address: string, pin: Digest, found: Digest): SyncError {
  return new SyncError('pinMismatch', `The control plane at ${address} shows the CA ${found}, not ${pin}`, {
    hint: 'The token is of another control plane, or something stands between. Nothing was sent.',
  });
}
