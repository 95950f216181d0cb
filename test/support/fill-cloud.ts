import { randomBytes } from 'node:crypto';
import { rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RelayBatch } from '../../cloud-sync/protocol/relay-batch.ts';
import { batchOf, json, startCloud, subscribe, type Link, type TestDevice } from './cloud.ts';

/** Fills the disk of a control plane by relaying to it; says as JSON what came of it. The temporary folder is a small tmpfs. */

const perBatch = 50;
const filler = join(tmpdir(), 'filler');
await writeFile(filler, Buffer.alloc(6 * 2 ** 20));
await using cloud = await startCloud();
await using device = await cloud.enrol('a');
const acknowledged = { seq: 0 };

const failure = await relayUntil(device, () => false);
const whenFull = await storedSeqs();
const refused = cloud.events.find(({ event }) => event === 'broker.refused');
await rm(filler);
// As an agent does: on a new connection, from what was acknowledged.
const goal = acknowledged.seq + 5 * perBatch;
const afterwards = await relayUntil(device, () => acknowledged.seq >= goal);

console.log(
  JSON.stringify({
    failure,
    logged: JSON.stringify(refused?.error ?? null).includes('diskFull'),
    keptAcknowledged: isWhole(whenFull, goal - 5 * perBatch),
    afterwards,
    whole: isWhole(await storedSeqs(), acknowledged.seq),
  }),
);

async function relayUntil(from: TestDevice, isDone: () => boolean): Promise<'refused' | 'done'> {
  await using link = await subscribe(await from.connect());
  try {
    while (!isDone()) await relayOne(link);
    return 'done';
  } catch {
    return 'refused';
  }
}

async function relayOne(link: Link): Promise<void> {
  const first = acknowledged.seq + 1;
  await link.relay(incompressible(batchOf(first, first + perBatch - 1)));
  acknowledged.seq = (json(await link.next(link.topics.relayAck)) as { seq: number }).seq;
}

function incompressible(batch: RelayBatch): RelayBatch {
  const entries = batch.entries.map((entry) =>
    entry.gap ? entry : { ...entry, payload: randomBytes(2000) },
  );
  return { ...batch, entries };
}

async function storedSeqs(): Promise<number[]> {
  const seqs: number[] = [];
  let after: number | null = 0;
  while (after !== null) {
    const page = await cloud.operator.messages('a', { after, limit: 1000 });
    seqs.push(...page.messages.map(({ seq }) => seq));
    after = page.next;
  }
  return seqs;
}

function isWhole(seqs: readonly number[], last: number): boolean {
  return seqs.length >= last && seqs.every((seq, index) => seq === index + 1);
}
