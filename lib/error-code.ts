/**
 * The `code` of a failure: node's (`ENOENT`) or our own. By shape rather than by class,
 * because an error of another realm (a worker, a test runner's context) is no `instanceof Error` here.
 */
export function errorCode(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}

/** Whether work ended because its signal was aborted. */
export function isAbortError(error: unknown): boolean {
  return typeof error === 'object' && error !== null && 'name' in error && error.name === 'AbortError';
}

/** What a failure says of itself, for a line of ours that wraps it. */
export function errorMessage(error: unknown): string {
  if (typeof error === 'object' && error !== null && 'message' in error) return String(error.message);
  return String(error);
}
