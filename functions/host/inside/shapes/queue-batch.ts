import { ownBuffer } from '../web/bytes.ts';
import type { EventHeader, ShapeTools } from './shape.ts';

type Header = Extract<EventHeader, { kind: 'queue' }>;
type MessageHeader = Header['messages'][number];
type RetryOptions = { readonly delaySeconds?: unknown } | null;
type Tools = Pick<ShapeTools, 'safe' | 'text'>;

/**
 * What was said about messages. The first word counts, but the last delay; what is said of one message counts more than what is said
 * of all.
 */
type Verdicts = {
  all: Verdict | undefined;
  readonly messages: Map<string, Verdict>;
};
type Verdict = { readonly retry: boolean; readonly delayMs: number | undefined };

/** Twelve hours, as in Workers. */
const maxDelaySeconds = 43_200;

/** The bytes of each message, one after another in the payload. */
export function splitBodies(
  { messages }: Header,
  payload: Uint8Array,
): { head: MessageHeader; bytes: Uint8Array }[] {
  let at = 0;
  return messages.map((head) => {
    const bytes = payload.slice(at, at + head.size);
    at += head.size;
    return { head, bytes };
  });
}

let verdictsOf: (batch: QueueBatch) => Verdicts;

/** A batch as in Workers: what is neither acknowledged nor retried is done when the handler succeeds. */
export class QueueBatch {
  readonly queue: string;
  readonly messages: readonly QueueMessage[];
  readonly #verdicts: Verdicts = { all: undefined, messages: new Map() };

  static {
    verdictsOf = (batch) => batch.#verdicts;
  }

  constructor(tools: Tools, header: Header, payload: Uint8Array) {
    this.queue = header.queue;
    this.messages = splitBodies(header, payload).map(
      ({ head, bytes }) => new QueueMessage(tools, head, bytes, this.#verdicts),
    );
  }

  ackAll(): void {
    this.#verdicts.all ??= { retry: false, delayMs: undefined };
  }
  retryAll(options: RetryOptions = {}): void {
    const verdict = { retry: true, delayMs: delayMs(options) };
    if (this.#verdicts.all?.retry !== false) this.#verdicts.all = verdict;
  }
}

class QueueMessage {
  readonly id: string;
  readonly timestamp: Date;
  /** Deliveries, this one included. */
  readonly attempts: number;
  readonly #tools: Tools;
  readonly #contentType: string | undefined;
  readonly #bytes: Uint8Array;
  readonly #verdicts: Verdicts;
  #body: { readonly value: unknown } | undefined;

  constructor(tools: Tools, head: MessageHeader, bytes: Uint8Array, verdicts: Verdicts) {
    this.id = head.id;
    this.timestamp = new Date(head.time);
    this.attempts = head.attempts;
    this.#tools = tools;
    this.#contentType = head.contentType;
    this.#bytes = bytes;
    this.#verdicts = verdicts;
  }

  /** JSON parsed, text as a string, everything else an ArrayBuffer. Throws SyntaxError for JSON that is none: other messages are fine. */
  get body(): unknown {
    this.#body ??= { value: this.#decode() };
    return this.#body.value;
  }

  ack(): void {
    this.#say({ retry: false, delayMs: undefined });
  }
  retry(options: RetryOptions = {}): void {
    this.#say({ retry: true, delayMs: delayMs(options) });
  }

  #say(verdict: Verdict): void {
    const { all, messages } = this.#verdicts;
    // After ackAll() or retryAll() the other word about one message comes too late; a delay of its own does not.
    const before = messages.get(this.id) ?? all;
    if (before === undefined || before.retry === verdict.retry) messages.set(this.id, verdict);
  }

  #decode(): unknown {
    const { text, safe } = this.#tools;
    const type = this.#contentType ?? '';
    if (/^application\/(json|[^;]*\+json)\s*(;|$)/i.test(type)) return safe.parse(text.decode(this.#bytes));
    return /^text\//i.test(type) ? text.decode(this.#bytes) : ownBuffer(this.#bytes);
  }
}

/** What is to be delivered again. */
export function outcomeOf(batch: QueueBatch): { retry: { id: string; delayMs?: number }[] } {
  const { all, messages } = verdictsOf(batch);
  const retry = [];
  for (const { id } of batch.messages) {
    const verdict = messages.get(id) ?? all;
    if (verdict?.retry === true)
      retry.push({ id, ...(verdict.delayMs === undefined ? {} : { delayMs: verdict.delayMs }) });
  }
  return { retry };
}

function delayMs(options: RetryOptions): number | undefined {
  const { delaySeconds } = options ?? {};
  if (delaySeconds === undefined) return undefined;
  const seconds = Number(delaySeconds);
  if (seconds >= 0 && seconds <= maxDelaySeconds) return Math.round(seconds * 1000);
  throw new TypeError(
    `delaySeconds is a number from 0 to ${maxDelaySeconds}, not ${JSON.stringify(delaySeconds)}`,
  );
}
