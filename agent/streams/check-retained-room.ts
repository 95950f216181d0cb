import { AgentError } from '../errors.ts';
import { maxRetainedBytes, maxRetainedTopics } from './bounds.ts';
import { retainedSize, type Counts } from './ledger.ts';

type Message = { readonly topic: string; readonly payload: Uint8Array; readonly retain: boolean };

/**
 * All retained messages are in memory too. Throws AgentError 'tooLarge' when there is no room for this one, a larger one in
 * the place of another with it; one that takes no more room than its predecessor always has it.
 */
export function checkRetainedRoom(
  counts: Pick<Counts, 'retainedBytes' | 'retainedTotal'>,
  { topic, payload, retain }: Message,
): void {
  if (!retain) return;
  const before = counts.retainedBytes(topic);
  const after = retainedSize(topic, payload.byteLength);
  if (after <= before) return;
  const { topics, bytes } = counts.retainedTotal;
  const fits =
    topics + (before === 0 ? 1 : 0) <= maxRetainedTopics && bytes - before + after <= maxRetainedBytes;
  if (fits) return;
  throw new AgentError('tooLarge', `${topics} retained messages (${bytes} bytes) are kept already`, {
    hint: `At most ${maxRetainedTopics} and ${maxRetainedBytes} bytes are: forget some by retained messages without a payload.`,
  });
}
