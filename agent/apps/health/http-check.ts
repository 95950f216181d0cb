import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { errorCode, errorMessage } from '../../../lib/error-code.ts';
import type { CheckResult } from './health-state.ts';

/** Of an answer's body, which nobody looks at. */
const bodyMaxBytes = 64 * 1024;

/**
 * One GET: 200 to 399 is good, and no redirect is followed. Whose certificate it is does not matter: the question is whether the app
 * answers. Rejects with nothing; an aborted one is a bad one.
 */
export function checkHttp(url: string, signal: AbortSignal): Promise<CheckResult> {
  const { promise, resolve } = Promise.withResolvers<CheckResult>();
  const ask = url.startsWith('https:') ? httpsRequest : httpRequest;
  const headers = { 'user-agent': 'holdfast-health', connection: 'close' };
  const request = ask(url, { agent: false, headers, signal, rejectUnauthorized: false }, (response) => {
    const status = response.statusCode ?? 0;
    let bytes = 0;
    response.on('data', (piece: Buffer) => {
      bytes += piece.byteLength;
      if (bytes > bodyMaxBytes) response.destroy();
    });
    // Its answer is known by now.
    response.on('error', () => undefined);
    resolve({ isGood: status >= 200 && status < 400, text: `answered ${status}` });
  });
  request.on('error', (error) =>
    resolve({ isGood: false, text: `does not answer (${errorCode(error) ?? errorMessage(error)})` }),
  );
  request.end();
  return promise;
}
