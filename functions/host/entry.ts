import { isUtf8 } from 'node:buffer';

/** What the host tells an isolate. `json` is JSON text; `payload` bytes. */
export type Op =
  | {
      readonly op: 'invoke';
      readonly invocation: number;
      readonly json: string;
      readonly payload: Uint8Array;
      /** The isolate wants the bytes, not a text: their parts are cut by bytes. */
      readonly binary: boolean;
    }
  | {
      readonly op: 'reply';
      readonly invocation: number;
      readonly call: number;
      readonly json: string;
      readonly payload: Uint8Array | undefined;
    }
  | { readonly op: 'fire'; readonly invocation: number; readonly timer: number }
  | { readonly op: 'forget'; readonly invocation: number };

/** Several ops in one entry of the isolate: their heads as one JSON text, their payloads as one text and one piece of memory. */
export type Entry = {
  readonly heads: string;
  readonly texts: string;
  readonly bytes: Uint8Array | undefined;
};

const payloadKinds = { none: 0, text: 1, bytes: 2 } as const;

/** Payloads that are UTF-8 go as text, which is cheaper to decode here than inside. */
export function encodeEntry(ops: readonly Op[]): Entry {
  const heads: string[] = [];
  const binaries: Uint8Array[] = [];
  let texts = '';
  const place = (payload: Uint8Array | undefined, binary: boolean): string => {
    if (payload === undefined) return `${payloadKinds.none},0`;
    if (binary || !isUtf8(payload)) {
      binaries.push(payload);
      return `${payloadKinds.bytes},${payload.byteLength}`;
    }
    const text = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength).toString('utf8');
    texts += text;
    return `${payloadKinds.text},${text.length}`;
  };
  for (const op of ops) {
    switch (op.op) {
      case 'invoke':
        heads.push(`["invoke",${op.invocation},0,${place(op.payload, op.binary)},${op.json}]`);
        break;
      case 'reply':
        heads.push(`["reply",${op.invocation},${op.call},${place(op.payload, false)},${op.json}]`);
        break;
      case 'fire':
        heads.push(`["fire",${op.invocation},${op.timer},0,0]`);
        break;
      case 'forget':
        heads.push(`["forget",${op.invocation},0,0,0]`);
        break;
      default:
        op satisfies never;
    }
  }
  const [first] = binaries;
  const bytes = first && (binaries.length === 1 ? first : Buffer.concat(binaries));
  return { heads: `[${heads.join(',')}]`, texts, bytes };
}

/** The isolate sends before it has so much. */
const maxHeadChars = 2 ** 20;

/** What an isolate says, one at a time. */
export type Said = {
  readonly op: string;
  readonly invocation: number;
  readonly id: number;
  readonly text: string;
  readonly payload: string | Uint8Array | undefined;
};

/** Reads what an isolate sent. Its own code made it, on builtins the tenant may have bent: nonsense ends the reading. */
export function readSaid(
  heads: unknown,
  texts: unknown,
  bytes: unknown,
  receive: (said: Said) => void,
): void {
  if (typeof heads !== 'string' || typeof texts !== 'string' || heads.length > maxHeadChars) return;
  let at = 0;
  for (const head of parseHeads(heads)) {
    const [op, invocation, id, textSize, kind, payloadSize] = head;
    if (typeof op !== 'string' || !isCount(invocation) || !isCount(id)) return;
    if (!isCount(textSize) || !isCount(payloadSize)) return;
    const text = texts.slice(at, (at += textSize));
    let payload: string | Uint8Array | undefined;
    if (kind === payloadKinds.text) payload = texts.slice(at, (at += payloadSize));
    else if (kind === payloadKinds.bytes && bytes instanceof Uint8Array) payload = bytes;
    receive({ op, invocation, id, text, payload });
  }
}

function parseHeads(heads: string): unknown[][] {
  try {
    const value = JSON.parse(heads) as unknown;
    return Array.isArray(value) ? value.filter((head) => Array.isArray(head)) : [];
  } catch {
    return [];
  }
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}
