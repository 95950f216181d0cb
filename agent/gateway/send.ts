import type { IncomingMessage, ServerResponse } from 'node:http';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { FunctionResponse } from '../../functions/index.ts';
import { badResponse, headersForCaller } from './headers.ts';
import { limits } from './limits.ts';
import { problemBody, type Refusal } from './refusal.ts';

type Exchange = {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly invocation: string;
};

/** Statuses that have no body (RFC 9110 §15.3.5, §15.4.5); 205 says that it is empty. */
const bodiless = new Set([204, 205, 304]);

/** Resolves to the bytes of the body when it is with the network, or its reader is gone. Throws Refusal 502, nothing sent. */
export async function sendAnswer(exchange: Exchange, answer: FunctionResponse | undefined): Promise<number> {
  const { request, response, invocation } = exchange;
  if (!answer) throw badResponse('no response');
  const { status } = answer;
  if (!Number.isInteger(status) || status < 200 || status > 599) throw badResponse(`the status ${status}`);
  const body = bodiless.has(status) ? empty : answer.body;
  const headers = headersForCaller(answer.headers);
  const length = lengthOf(request, status, answer);
  if (length !== undefined) headers.push(['content-length', String(length)]);
  response.writeHead(status, [...headers, ['x-holdfast-invocation', invocation]].flat());
  const sent = request.method === 'HEAD' ? empty : body;
  response.end(sent);
  await flushed(response);
  return sent.byteLength;
}

/**
 * Answers a request that gets no answer of a function. A body that is still coming is read on for a moment: cut off while it
 * writes, the caller would not read why.
 */
export async function sendRefusal(
  { request, response, invocation }: Exchange,
  refusal: Refusal,
): Promise<number> {
  const body = problemBody(refusal, invocation);
  const isHead = request.method === 'HEAD';
  const rest = request.complete || !hasBody(request);
  response.writeHead(refusal.status, {
    'content-type': 'application/problem+json',
    'content-length': body.byteLength,
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    ...refusal.headers,
    'x-holdfast-invocation': invocation,
    ...(!rest && { connection: 'close' }),
  });
  if (!isHead) response.write(body);
  else response.flushHeaders();
  if (!rest) await linger(request, response);
  response.end();
  await flushed(response);
  return isHead ? 0 : body.byteLength;
}

function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}

/** HEAD may tell the length of what GET would give: by the body that was not sent, or by the function's word. */
function lengthOf(
  { method }: IncomingMessage,
  status: number,
  { headers, body }: FunctionResponse,
): number | undefined {
  if (status === 204 || status === 304) return undefined;
  if (status === 205) return 0;
  if (method !== 'HEAD' || body.byteLength > 0) return body.byteLength;
  const told = headers.find(([name]) => name.toLowerCase() === 'content-length')?.[1];
  return told !== undefined && /^[0-9]{1,15}$/.test(told) ? Number(told) : undefined;
}

async function linger(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const enough = new AbortController();
  const stop = (): void => enough.abort();
  let bytes = 0;
  request.on('data', (piece: Buffer) => {
    bytes += piece.byteLength;
    if (bytes > limits.lingerBytes) stop();
  });
  for (const event of ['end', 'error', 'close']) request.once(event, stop);
  response.once('close', stop);
  request.resume();
  await sleep(limits.lingerMs, undefined, { signal: enough.signal }).catch(() => undefined);
  request.pause();
}

/** Cuts a reader that does not read. */
async function flushed(response: ServerResponse): Promise<void> {
  if (response.writableFinished || response.destroyed) return;
  const cut = setTimeout(() => response.destroy(), limits.sendTimeoutMs);
  const over = new AbortController();
  await Promise.race([once(response, 'finish', over), once(response, 'close', over)]).catch(() => undefined);
  over.abort();
  clearTimeout(cut);
}

const empty = new Uint8Array();
