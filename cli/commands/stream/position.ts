import { InvalidArgumentError } from 'commander';
import type { ControlClient } from '../../../agent/control/client.ts';
import type { Stream } from '../../../agent/control/stream-protocol.ts';
import { readDuration } from '../../../manifests/amounts.ts';
import { parseTime } from '../../parse-time.ts';

/** A place in a stream as a person writes it: an offset, a time, so long ago, or an end. */
export type Position =
  | { readonly kind: 'offset'; readonly seq: number }
  | { readonly kind: 'time'; readonly since: string }
  | { readonly kind: 'ago'; readonly ms: number }
  | { readonly kind: 'oldest' }
  | { readonly kind: 'newest' };

/** `120`, `2026-05-01T06:00:00Z` (UTC where no offset is written), `-1h`, `oldest`, `newest`. */
export function parsePosition(text: string): Position {
  if (/^\d{1,15}$/.test(text)) return { kind: 'offset', seq: Number(text) };
  if (text === 'oldest' || text === 'newest') return { kind: text };
  const agoMs = text.startsWith('-') ? readDuration(text.slice(1)) : undefined;
  if (agoMs !== undefined) return { kind: 'ago', ms: agoMs };
  const ms = parseTime(text);
  if (Number.isNaN(ms))
    throw new InvalidArgumentError(
      'Give an offset, a time such as 2026-05-01T06:00:00Z, or -1h for an hour ago.',
    );
  return { kind: 'time', since: new Date(ms).toISOString() };
}

export type Asked = {
  readonly agent: ControlClient;
  readonly stream: Stream;
  readonly signal: AbortSignal;
};

/** The number of the first record at or behind a position. */
export async function firstAt(position: Position, { agent, stream, signal }: Asked): Promise<number> {
  switch (position.kind) {
    case 'offset':
      return Math.max(1, position.seq);
    case 'oldest':
      return stream.first ?? stream.last + 1;
    case 'newest':
      return stream.last + 1;
    case 'time':
      return agent.streams.position(stream.name, position.since, signal);
    case 'ago': {
      const since = new Date(Math.max(0, Date.now() - position.ms)).toISOString();
      return agent.streams.position(stream.name, since, signal);
    }
    default:
      return position satisfies never;
  }
}

/** The number of the last record up to a position: an offset is in, a time is not. */
export async function lastUpTo(position: Position | undefined, asked: Asked): Promise<number> {
  const { last } = asked.stream;
  if (position === undefined) return last;
  if (position.kind === 'offset') return Math.min(position.seq, last);
  return Math.min(last, (await firstAt(position, asked)) - 1);
}
