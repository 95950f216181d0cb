import { setTimeout as sleep } from 'node:timers/promises';
import type { MessagePage } from '../cloud-sync/protocol/api.ts';
import type { MessagesQuery } from '../cloud-sync/protocol/control-plane-client.ts';
import type { Cloud } from './cloud.ts';

export type MessagesAsked = {
  readonly cloud: Cloud;
  /** undefined: of all devices. */
  readonly device: string | undefined;
  readonly query: MessagesQuery;
  /** Goes on with what arrives later; the pages then end only when `signal` aborts. */
  readonly follow: boolean;
  readonly signal: AbortSignal;
};

/** The largest page that the API gives. */
const pageLimit = 1000;
const followMs = 1000;

/**
 * What the cloud stored, in order of arrival, a page at a time; at most `query.limit` messages of it. Pages may be empty
 * while there is more. Rejects when `signal` aborts.
 */
export async function* messagePages({
  cloud,
  device,
  query,
  follow,
  signal,
}: MessagesAsked): AsyncGenerator<MessagePage> {
  let left = query.limit ?? Number.POSITIVE_INFINITY;
  let { after } = query;
  while (left > 0) {
    const asked = { ...query, after, limit: Math.min(left, pageLimit) };
    const page = await cloud.call((client) => client.messages(device, asked, { signal }));
    yield page;
    left -= page.messages.length;
    after = page.position;
    if (page.next !== null) continue;
    if (!follow) return;
    await sleep(followMs, undefined, { signal });
  }
}
