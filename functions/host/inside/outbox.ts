/* eslint @typescript-eslint/await-thenable: off -- awaiting a promise asks its constructor, which is the tenant's to bend. */
import type { Post, Send } from './types.ts';

export type Outbox = {
  readonly send: Send;
  readonly hold: (inline: boolean) => void;
  readonly release: () => void;
};

/** `later` goes its own way; the isolate waits for `now`, which costs nothing while the host waits for the isolate. */
export type Posts = { readonly later: Post; readonly now: Post };

/** Sent at once when this many characters wait, of heads or of texts. */
const flushChars = 256 * 1024;
const flushHeadChars = 64 * 1024;

/**
 * What the isolate tells the host, collected into one call: a call costs as much as many small messages. Between `hold` and
 * `release` nothing is sent but what is large; otherwise soon, in a later microtask. Only template literals over
 * primitives here: they call nothing the tenant could have replaced.
 */
export function makeOutbox(posts: Posts): Outbox {
  let heads = '';
  let texts = '';
  let held = false;
  let post = posts.later;
  let scheduled = false;

  const flush = (bytes?: Uint8Array) => {
    if (heads === '') return;
    // One by one: taking a list apart asks the iterator of Array.prototype, which is the tenant's to bend.
    const all = `[${heads}]`;
    const body = texts;
    heads = texts = '';
    post(all, body, bytes);
  };
  const soon = async () => {
    scheduled = true;
    await undefined;
    await undefined;
    scheduled = false;
    if (!held) flush();
  };
  const send: Send = (op, invocation, id, text, payload) => {
    const kind = payload === undefined ? 0 : typeof payload === 'string' ? 1 : 2;
    const size = kind === 1 ? (payload as string).length : 0;
    // One piece of memory a call: what waits goes first.
    if (kind === 2) flush();
    heads += `${heads === '' ? '' : ','}["${op}",${invocation},${id},${text.length},${kind},${size}]`;
    texts += kind === 1 ? text + (payload as string) : text;
    if (kind === 2) flush(payload as Uint8Array);
    else if (texts.length >= flushChars || heads.length >= flushHeadChars) flush();
    else if (!held && !scheduled) void soon();
  };
  return {
    send,
    hold: (inline) => {
      post = inline ? posts.now : posts.later;
      held = true;
    },
    release: () => {
      held = false;
      flush();
    },
  };
}
