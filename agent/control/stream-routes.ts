import type { ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { z } from 'zod';
import { isCodedError } from '../../lib/coded-error.ts';
import type { ListedStream, RecordsRequest, StreamControl } from '../streams/stream-control.ts';
import type { StreamRecord } from '../streams/stream-operations.ts';
import type { Replays } from '../triggers/replay.ts';
import {
  placeRequestSchema,
  positionQuerySchema,
  recordsQuerySchema,
  replayRequestSchema,
  type RecordLine,
  type ReplayLine,
  type Stream,
} from './stream-protocol.ts';

/** What may be seen of streams and done with them. */
export type StreamDesk = {
  readonly control: Pick<
    StreamControl,
    'list' | 'records' | 'tail' | 'seqAt' | 'cursor' | 'place' | 'remove' | 'check' | 'checkRemoval'
  >;
  readonly replays: Pick<Replays, 'run'>;
};

/** One JSON document, or lines as they come. `signal` aborts when the caller goes. */
type Answer = (signal: AbortSignal) => Promise<object | Lines>;
type Lines = { readonly lines: AsyncIterable<string> };
type Asked = {
  readonly desk: StreamDesk;
  readonly stream: string;
  readonly consumer: string;
  readonly input: unknown;
};

const answers: Readonly<Record<string, (asked: Asked, signal: AbortSignal) => Promise<object | Lines>>> = {
  'GET position': async ({ desk, stream, input }) => {
    const { since } = positionQuerySchema.parse(input);
    return { seq: await desk.control.seqAt(stream, Date.parse(since)) };
  },
  'GET removal': ({ desk, stream }) => {
    desk.control.check(stream);
    desk.control.checkRemoval(stream);
    return Promise.resolve({});
  },
  'DELETE ': async ({ desk, stream }) => ({ removed: await desk.control.remove(stream) }),
  'GET records': async ({ desk, stream, input }, signal) => {
    const request = await recordsRequest(desk, stream, recordsQuerySchema.parse(input));
    const pages = desk.control.records(stream, request, signal);
    // The first page now, so that what is wrong has a status of its own.
    const first = request.follow ? undefined : await pages.next();
    return { lines: recordLines(first === undefined || first.done ? [] : first.value, pages) };
  },
  'POST consumers': async ({ desk, stream, consumer, input }) => {
    const place = placeRequestSchema.parse(input);
    const seq =
      'seq' in place
        ? await desk.control.place('advance', stream, consumer, place.seq)
        : await desk.control.place('seek', stream, consumer, place.seek);
    return { seq };
  },
  'POST replays': async ({ desk, stream, input }, signal) => {
    const { from, topic, ...rest } = replayRequestSchema.parse(input);
    const target = 'publish' in rest ? { ...rest, rate: rest.rate } : rest;
    const run = desk.replays.run({ stream, after: from - 1, topic, ...target }, signal);
    const first = await run.next();
    return { lines: progressLines(first.done ? [] : [first.value], run) };
  },
};

/** What `/v1/streams…` asks for; undefined when it is none of these. `input` reads the query or the body. */
export function streamRoute(
  desk: StreamDesk,
  { method, path }: { readonly method: string; readonly path: string },
  { decode, input }: { decode: (text: string) => string; input: () => Promise<unknown> },
): Answer | undefined {
  if (method === 'GET' && path === '/v1/streams')
    return async () => ({ streams: (await desk.control.list()).map(streamLine) });
  const [, stream, action = '', consumer = ''] =
    /^\/v1\/streams\/([^/]{1,200})(?:\/([a-z]+)(?:\/([^/]{1,200}))?)?$/.exec(path) ?? [];
  const answer = Object.hasOwn(answers, `${method} ${action}`) ? answers[`${method} ${action}`] : undefined;
  if (stream === undefined || !answer || (consumer !== '') !== (action === 'consumers')) return undefined;
  const given = async (): Promise<unknown> => (method === 'DELETE' ? {} : input());
  return async (signal) =>
    answer({ desk, stream: decode(stream), consumer: decode(consumer), input: await given() }, signal);
}

/** A caller that reads slowly is read for slowly. */
export async function sendLines(response: ServerResponse, { lines }: Lines): Promise<void> {
  response.writeHead(200, { 'content-type': 'application/jsonl' });
  response.flushHeaders();
  await pipeline(Readable.from(lines, { objectMode: true, highWaterMark: 1 }), response);
}

export function hasLines(answer: object): answer is Lines {
  return 'lines' in answer;
}

async function recordsRequest(
  desk: StreamDesk,
  stream: string,
  query: z.output<typeof recordsQuerySchema>,
): Promise<RecordsRequest> {
  const { limit = Number.MAX_SAFE_INTEGER, until = Number.MAX_SAFE_INTEGER, follow, topic } = query;
  return { after: await beginning(desk, stream, query), until, limit, follow, topic };
}

async function beginning(
  desk: StreamDesk,
  stream: string,
  { from, since, consumer, tail, topic }: z.output<typeof recordsQuerySchema>,
): Promise<number> {
  if (consumer !== undefined) return desk.control.cursor(stream, consumer);
  if (tail !== undefined) return desk.control.tail(stream, tail, topic);
  if (since !== undefined) return (await desk.control.seqAt(stream, Date.parse(since))) - 1;
  // Also to learn whether there is such a stream.
  return from === undefined ? desk.control.seqAt(stream, 0).then(() => 0) : Math.max(0, from - 1);
}

async function* recordLines(
  first: readonly StreamRecord[],
  rest: AsyncIterable<readonly StreamRecord[]>,
): AsyncGenerator<string> {
  if (first.length > 0) yield linesOf(first);
  for await (const page of rest) yield linesOf(page);
}

function linesOf(records: readonly StreamRecord[]): string {
  return records.map((record) => `${JSON.stringify(recordLine(record))}\n`).join('');
}

function recordLine({ seq, time, ...record }: StreamRecord): RecordLine {
  const place = { seq, time: new Date(time).toISOString() };
  if (record.gap) return { ...place, gap: record.gap };
  const { topic, contentType, key, payload } = record.message;
  return { ...place, topic, contentType, key, payload: Buffer.from(payload).toString('base64') };
}

async function* progressLines(
  first: readonly ReplayLine[],
  rest: AsyncIterable<ReplayLine>,
): AsyncGenerator<string> {
  try {
    for (const line of first) yield `${JSON.stringify(line)}\n`;
    for await (const line of rest) yield `${JSON.stringify(line)}\n`;
  } catch (error) {
    if (!isCodedError(error)) throw error;
    const { code, message, hint } = error;
    yield `${JSON.stringify({ problem: { code, message, hint } } satisfies ReplayLine)}\n`;
  }
}

function streamLine({ removed, first, oldest, newest, backlog, consumers, ...rest }: ListedStream): Stream {
  return {
    ...rest,
    removed: removed ?? null,
    first: first ?? null,
    oldest: oldest === undefined ? null : new Date(oldest).toISOString(),
    newest: newest === undefined ? null : new Date(newest).toISOString(),
    backlog: backlog ?? null,
    consumers: consumers.map(({ missed, ...consumer }) => ({ ...consumer, missed: missed ?? null })),
  };
}
