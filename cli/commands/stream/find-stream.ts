import type { ControlClient } from '../../../agent/control/client.ts';
import type { Stream } from '../../../agent/control/stream-protocol.ts';
import { nearest } from '../../../manifests/nearest.ts';
import { agentRoot } from '../../context.ts';
import { CliError } from '../../errors.ts';
import type { Run } from '../../run.ts';

export async function connect(run: Run): Promise<ControlClient> {
  const { ControlClient } = await import('../../../agent/control/client.ts');
  return ControlClient.forRoot(agentRoot(run));
}

/** For a person who was shown nothing. */
export function sayNothing({ out }: Run, { name, messages }: Stream): void {
  out.note(
    messages === 0
      ? `${name} holds no messages. Without keep a stream holds only what somebody has still to read.`
      : `Nothing of what ${name} holds was asked for: holdfast stream ls shows its offsets and times.`,
  );
}

/** Rejects with 'notFound' and the nearest name. */
export async function findStream(run: Run, agent: ControlClient, name: string): Promise<Stream> {
  const { streams } = await agent.streams.list(run.signal);
  const found = streams.find((stream) => stream.name === name);
  if (found) return found;
  const names = streams.map((stream) => stream.name);
  const near = nearest(name, names);
  throw new CliError('notFound', `There is no stream ${name} on this device.`, {
    hint: near === undefined ? `It has: ${names.join(', ') || 'none'}.` : `Did you mean ${near}?`,
  });
}
