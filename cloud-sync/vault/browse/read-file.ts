import { SyncError } from '../../errors.ts';
import type { CallOptions } from '../backend/backend.ts';
import type { BlobId } from '../format/blob-id.ts';
import type { Repository } from '../repository.ts';
import type { Place } from './find-node.ts';
import { openSnapshot } from './open-snapshot.ts';

/** Blobs that are read ahead: at most 8 MiB each. */
const readAhead = 3;

/**
 * The bytes of a file in a snapshot, in order, each piece authenticated and hashed before it comes out. [G8] Rejects at the first that is
 * missing or damaged; with `badRequest` for what is no file, links too.
 */
export async function* readFile(
  repository: Repository,
  { snapshot, path }: { readonly snapshot: string; readonly path: string },
  { signal }: CallOptions,
): AsyncGenerator<Buffer> {
  const { place } = await openSnapshot(repository, { snapshot, path }, { signal });
  const ahead: Promise<Buffer>[] = [];
  const next = contentOf(place, path).values();
  for (;;) {
    while (ahead.length < readAhead) {
      const id = next.next();
      if (id.done === true) break;
      const reading = repository.readBlob(id.value, 'data', { signal });
      // A failure is seen when its turn comes.
      reading.catch(() => undefined);
      ahead.push(reading);
    }
    const piece = ahead.shift();
    if (piece === undefined) return;
    yield await piece;
  }
}

function contentOf(place: Place, path: string): readonly BlobId[] {
  if (place.kind === 'entry' && place.node.type === 'file') return place.node.content ?? [];
  const what = place.kind === 'root' ? 'dir' : place.node.type;
  const target = place.kind === 'entry' ? place.node.linkTarget : undefined;
  throw new SyncError(
    'badRequest',
    `Cannot read ${path}: it is a ${words[what] ?? 'special file'}, not a file`,
    {
      ...(target !== undefined && { hint: `It leads to ${JSON.stringify(target)}.` }),
    },
  );
}

const words: Readonly<Record<string, string>> = { dir: 'folder', symlink: 'symbolic link' };
