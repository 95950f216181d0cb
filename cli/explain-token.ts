import { SyncError } from '../cloud-sync/errors.ts';
import { contextPath } from './context.ts';
import type { Run } from './run.ts';

/** The API speaks of headers and logins; here a person chose a context. */
export async function explainToken<T>(run: Pick<Run, 'io' | 'globals'>, answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    if (!(error instanceof SyncError && error.code === 'unauthorized')) throw error;
    throw new SyncError('unauthorized', error.message, {
      cause: error,
      hint: `The token comes from ${contextPath(run)}: name the operator.json of this cloud by --context or HOLDFAST_CONTEXT.`,
    });
  }
}
