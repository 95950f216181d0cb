import { pullImage } from '../../../cloud-sync/oci/image/pull-image.ts';
import type { PulledImage, PullProgress, PullRequest } from '../../../cloud-sync/oci/image/pull-request.ts';
import { collectGarbage } from '../../../lib/collect-garbage.ts';
import type { Logger } from '../../../lib/logger.ts';

/** Of the blobs of one image. */
const maxBytes = 32 * 2 ** 30;
const progressMs = 5000;
/** From here on what a start or a deployment left behind is given back first: its memory and a pull's do not add up. */
const largeBytes = 64 * 2 ** 20;

export type FetchRequest = Pick<
  PullRequest,
  'clients' | 'layout' | 'repository' | 'digest' | 'platform' | 'signal'
> & { readonly name: string; readonly logger: Logger };

/** Brings the blobs of an image to disk, and tells the log how it goes when there is something to tell. */
export async function fetchImage({ name, logger, ...request }: FetchRequest): Promise<PulledImage> {
  let told = -Infinity;
  let tidied = false;
  const onProgress = ({ bytesDone, bytesTotal, bytesFetched }: PullProgress): void => {
    if (!tidied && bytesTotal - bytesDone > largeBytes) collectGarbage();
    tidied = true;
    if (bytesDone >= bytesTotal || performance.now() - told < progressMs) return;
    told = performance.now();
    logger.info('image.fetching', { image: name, bytesDone, bytesTotal, bytesFetched });
  };
  const pulled = await pullImage({
    ...request,
    maxBytes,
    onProgress,
    onProblem: ({ host, error }) => logger.warn('image.source.failed', { image: name, host, error }),
  });
  const { bytesFetched } = pulled;
  if (bytesFetched > 0) logger.info('image.fetched', { image: name, bytesFetched });
  return pulled;
}
