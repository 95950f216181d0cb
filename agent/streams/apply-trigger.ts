import type { EventWrites } from './event-statements.ts';
import type { Draft } from './ledger.ts';
import type { FilePlace, FileStat, Spent, TriggerOperation } from './trigger-operations.ts';
import type { TriggerWrites } from './trigger-statements.ts';

export function applyTrigger(
  writes: TriggerWrites & Pick<EventWrites, 'redeliver'>,
  draft: Draft,
  operation: TriggerOperation,
): void {
  const { function: name } = operation;
  switch (operation.op) {
    case 'plan':
      if (operation.planned === undefined) writes.forgetPlan.run(name, operation.schedule);
      else writes.putPlan.run(name, operation.schedule, operation.planned);
      return;
    case 'pause': {
      const { since, reason } = operation;
      writes.putPause.run(name, since, reason);
      draft.pauses.set(name, { since, reason });
      return;
    }
    case 'resume': {
      writes.forgetPause.run(name);
      draft.pauses.set(name, undefined);
      const { liftedDay: day } = operation;
      if (day !== undefined) spend(draft, name, { ...nothing, day }, { lifted: true });
      draft.awakened.add(name);
      return;
    }
    case 'spend': {
      spend(draft, name, operation);
      return;
    }
    case 'see': {
      see(writes, name, operation);
      return;
    }
    case 'forgetFiles':
      writes.forgetFiles.run(name, operation.volume);
      return;
    case 'redeliver': {
      if (writes.redeliver.run(draft.events.take(), operation.id, name).changes === 0) return;
      writes.discard.run(operation.id, name);
      draft.addDead(name, -1);
      draft.addQueued(name, 1);
      draft.awakened.add(name);
      return;
    }
    case 'discard':
      if (writes.discard.run(operation.id, name).changes > 0) draft.addDead(name, -1);
      return;
    default:
      operation satisfies never;
  }
}

const nothing = { invocations: 0, egressBytes: 0, cpuMs: 0, dropped: 0 };

/** Only in the draft: a group of a hundred invocations writes one row at its end. A day that is over counts no more. */
function spend(draft: Draft, name: string, spent: Spent, { lifted = false } = {}): void {
  const before = draft.spending(name);
  const today = before?.day === spent.day ? before : { ...nothing, lifted: false };
  draft.spendings.set(name, {
    day: spent.day,
    invocations: today.invocations + spent.invocations,
    egressBytes: today.egressBytes + spent.egressBytes,
    cpuMs: today.cpuMs + spent.cpuMs,
    dropped: today.dropped + spent.dropped,
    lifted: today.lifted || lifted,
  });
}

function see(
  writes: TriggerWrites,
  name: string,
  { volume, path, stat }: FilePlace & { readonly stat: FileStat | undefined },
): void {
  if (stat) writes.putFile.run(name, volume, path, stat.size, stat.modified, stat.inode);
  else writes.forgetFile.run(name, volume, path);
}

/** Once a transaction. */
export function writeSpendings(writes: TriggerWrites, draft: Draft): void {
  for (const [name, { day, invocations, egressBytes, cpuMs, dropped, lifted }] of draft.spendings)
    writes.putSpending.run(name, day, invocations, egressBytes, cpuMs, dropped, lifted ? 1 : 0);
}
