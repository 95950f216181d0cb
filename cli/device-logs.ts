import type { LogLine } from '../agent/control/protocol.ts';
import type { MessagePage } from '../cloud-sync/protocol/api.ts';
import { observabilityStream } from '../cloud-sync/protocol/observability.ts';
import { openCloud } from './cloud.ts';
import { deviceLogLine, logTopics } from './device-log-line.ts';
import { messagePages, type MessagesAsked } from './message-pages.ts';
import type { Run } from './run.ts';

export type DeviceLogsQuery = {
  readonly device: string;
  readonly lines: number;
  readonly follow: boolean;
  readonly function: string | undefined;
  readonly app: string | undefined;
};

const hourMs = 3_600_000;
/** The cloud reads in order of arrival only: so far back is looked for the last lines, then further, then everywhere. */
const reachesMs = [hourMs, 24 * hourMs, 30 * 24 * hourMs, undefined];

/** The newest lines that a device relayed, oldest first; then with `follow` those that arrive. Rejects on an abort. */
export async function* deviceLogs(run: Run, query: DeviceLogsQuery): AsyncGenerator<LogLine> {
  const { device, lines, follow } = query;
  await using cloud = await openCloud(run);
  const asked = (more: MessagesAsked['query'], isFollowing = false): MessagesAsked => ({
    ...{ cloud, device, signal: run.signal, follow: isFollowing },
    query: { stream: observabilityStream, topic: logTopics, ...more },
  });
  let newest: Newest = { lines: [], position: 0 };
  for (const reachMs of reachesMs) {
    const since = reachMs === undefined ? undefined : new Date(Date.now() - reachMs).toISOString();
    newest = await readNewest(messagePages(asked({ since })), query);
    if (newest.lines.length >= lines) break;
  }
  yield* newest.lines;
  if (!follow) return;
  for await (const page of messagePages(asked({ after: newest.position }, true))) yield* linesOf(page, query);
}

type Newest = { readonly lines: readonly LogLine[]; readonly position: number };

/** Holds twice the lines asked for, at most, and a page. */
async function readNewest(pages: AsyncIterable<MessagePage>, query: DeviceLogsQuery): Promise<Newest> {
  let newest: LogLine[] = [];
  let position = 0;
  for await (const page of pages) {
    newest.push(...linesOf(page, query));
    if (newest.length > 2 * query.lines) newest = newest.slice(newest.length - query.lines);
    position = page.position;
  }
  return { lines: newest.slice(Math.max(0, newest.length - query.lines)), position };
}

function linesOf({ messages }: MessagePage, query: DeviceLogsQuery): LogLine[] {
  return messages
    .map(deviceLogLine)
    .filter((line) => line !== undefined)
    .filter((line) => query.function === undefined || line.function === query.function)
    .filter((line) => query.app === undefined || line.app === query.app);
}
