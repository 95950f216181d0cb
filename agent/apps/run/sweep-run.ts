import type { Engine, Run } from './engine.ts';

/**
 * Leaves no process of a run whose parent has ended. `isLost`: the parent left no word, so what it started may be there yet. Rejects when
 * something does not end.
 */
export async function sweepRun(
  { engine, run }: { readonly engine: Engine; readonly run: Run },
  isLost: boolean,
): Promise<void> {
  if (isLost || run.group.folders.length === 0) await engine.sweep(run);
  await run.group.end();
}
