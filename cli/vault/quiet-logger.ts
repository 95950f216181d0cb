import { createLogger, type Logger } from '../../lib/logger.ts';
import type { Run } from '../run.ts';

/** For work whose result is printed: what went well is said once. With `--verbose` everything. */
export function quietLogger({ logSink, globals: { verbose } }: Run): Logger {
  return createLogger((event) => {
    if (verbose || event.level === 'warn' || event.level === 'error') logSink(event);
  });
}
