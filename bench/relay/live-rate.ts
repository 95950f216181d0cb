import type { ClientJob, Endpoint } from './client-job.ts';
import { ClientProcess } from './client-process.ts';

export type Load = { readonly messages: number; readonly bytes: number; readonly inFlight: number };

/** No run takes this long unless something is lost. */
const timeoutMs = 180_000;

/** Publishes with QoS 1; messages a second from the first one to the last PUBACK. */
export async function publishRate(endpoint: Endpoint, topic: string, load: Load): Promise<number> {
  await using publisher = await ClientProcess.open(publishJob(endpoint, topic, load));
  const { beganMs, endedMs } = await publisher.run(timeoutMs);
  return perSecond(load.messages, endedMs - beganMs);
}

/** The same, until the last message is at a subscriber (QoS 1) of another broker, in a process of its own. */
export async function endToEndRate(
  near: { readonly endpoint: Endpoint; readonly topic: string },
  far: { readonly endpoint: Endpoint; readonly filter: string },
  load: Load,
): Promise<number> {
  const { endpoint, filter } = far;
  const { messages } = load;
  await using subscriber = await ClientProcess.open({ kind: 'subscribe', endpoint, filter, messages });
  await using publisher = await ClientProcess.open(publishJob(near.endpoint, near.topic, load));
  const [received, published] = await Promise.all([subscriber.run(timeoutMs), publisher.run(timeoutMs)]);
  return perSecond(messages, received.endedMs - published.beganMs);
}

function publishJob(endpoint: Endpoint, topic: string, { messages, bytes, inFlight }: Load): ClientJob {
  return { kind: 'publish', endpoint, topic, messages, payload: { bytes }, inFlight };
}

function perSecond(messages: number, durationMs: number): number {
  return messages / (durationMs / 1000);
}
