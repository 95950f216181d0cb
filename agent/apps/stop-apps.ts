import type { AppSupervisor } from './supervise/app-supervisor.ts';

/**
 * Ends all apps of an agent that ends itself. Whoever makes generations run ends before: what that is about to try or to put right
 * would else be started after the stop, and go on alone. Resolves to the names of those that ran.
 */
export async function stopApps(
  reconciler: AsyncDisposable,
  apps: Pick<AppSupervisor, 'stopAll'>,
): Promise<readonly string[]> {
  await reconciler[Symbol.asyncDispose]();
  return apps.stopAll();
}
