import type { Logger } from '../../../lib/logger.ts';
import type { StoreOrder } from './job-protocol.ts';
import { makeTree } from './make-trees.ts';
import { removeTrees, sweepTrees } from './remove-trees.ts';

/** Does a piece of work on `images/`, synchronously for the most part: in a process of its own, one at a time. */
export async function doOrder(
  order: StoreOrder,
  { logger, signal }: { readonly logger: Logger; readonly signal: AbortSignal },
): Promise<void> {
  const { folder } = order;
  switch (order.kind) {
    case 'make': {
      await sweepTrees(folder);
      for (const image of order.images) await makeTree(image, { folder, logger, signal });
      return;
    }
    case 'remove':
      return removeTrees(folder, order.names);
    default:
      return order satisfies never;
  }
}
