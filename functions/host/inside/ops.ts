import type { EventHeader } from './shapes/shape.ts';
import { bytesPayload, textPayload } from './payload.ts';
import type { Payload, Safe, Text } from './types.ts';

/** What the host tells the isolate; its form on the way is in `entry.ts`. */
export type Op =
  | {
      readonly op: 'invoke';
      readonly invocation: number;
      readonly header: InvokeHeader;
      readonly payload: Payload;
    }
  | {
      readonly op: 'reply';
      readonly invocation: number;
      readonly call: number;
      readonly answer: CallAnswer;
      readonly payload: Payload | undefined;
    }
  | { readonly op: 'fire'; readonly invocation: number; readonly timer: number }
  | { readonly op: 'forget'; readonly invocation: number };

export type InvokeHeader = {
  readonly event: EventHeader;
  readonly label: string;
  readonly timeoutMs: number;
};
export type CallAnswer =
  | { readonly ok: true; readonly json?: unknown }
  | { readonly ok: false; readonly code: string; readonly message: string };

type Head = [op: string, invocation: number, id: number, kind: number, size: number, json: unknown];

/** Takes the ops of an entry one by one, in order; undefined at the end. */
export function makeOpReader(safe: Safe, text: Text) {
  const Bytes = Uint8Array;
  const slice: unknown = Reflect.get(String.prototype, 'slice');
  const empty = new Bytes(0);

  return (heads: string, texts: string, bytes: Uint8Array = empty): (() => Op | undefined) => {
    const list = safe.parse(heads) as Head[];
    const whole = safe.bufferOf(bytes);
    let index = 0;
    let textAt = 0;
    let bytesAt = 0;
    const payloadOf = (kind: number, size: number): Payload | undefined => {
      if (kind === 1) {
        const body = safe.apply(slice, texts, [textAt, textAt + size]) as string;
        textAt += size;
        return textPayload(text, body);
      }
      if (kind !== 2) return undefined;
      // A copy unless it is all there is: what the tenant gets is its own.
      const part = new Bytes(whole, bytesAt, size);
      bytesAt += size;
      return bytesPayload(text, list.length === 1 ? part : new Bytes(part));
    };
    return () => {
      const head = list[index];
      if (!head) return undefined;
      index++;
      // By their places: the iterator of Array.prototype is the tenant's to bend.
      const op = head[0];
      const invocation = head[1];
      const id = head[2];
      const json = head[5];
      const payload = payloadOf(head[3], head[4]);
      switch (op) {
        case 'invoke':
          return {
            op,
            invocation,
            header: json as InvokeHeader,
            payload: payload ?? textPayload(text, ''),
          };
        case 'reply':
          return { op, invocation, call: id, answer: json as CallAnswer, payload };
        case 'fire':
          return { op, invocation, timer: id };
        default:
          return { op: 'forget', invocation };
      }
    };
  };
}
