import { z } from 'zod';
import { SyncError } from '../../errors.ts';
import { authorFields } from './author-fields.ts';
import { isBlobId, type BlobId } from './blob-id.ts';
import { nsOfRfc3339 } from './rfc3339.ts';
import type { Sealer } from './sealer.ts';
import type { SnapshotDocument } from './snapshot-document.ts';
import { namedFile, type NamedFile } from './stored-name.ts';
import { decodeUnpacked, encodeUnpacked, type RepositoryVersion } from './unpacked-file.ts';

/** Sealed bytes of a snapshot file, at most: there may be long lists of excludes. */
export const maxSnapshotBytes = 4 * 1024 * 1024;
const maxJsonBytes = 16 * 1024 * 1024;

const id = z.string().refine((text): text is BlobId => isBlobId(text));
const texts = z.array(z.string()).nullish();

// Loose: another restic may know more keys. Defaults are what Go leaves out.
const schema = z.object({
  time: z.string().refine(isTime),
  parent: id.nullish(),
  tree: id,
  paths: texts,
  ...authorFields,
  excludes: texts,
  tags: texts,
  original: id.nullish(),
  program_version: z.string().optional(),
});

/** A snapshot file; its name is the snapshot's id. */
export function encodeSnapshot(
  sealer: Sealer,
  document: SnapshotDocument,
  version: RepositoryVersion = 2,
): NamedFile {
  const { time, parent, tree, paths, hostname, username, uid, gid, excludes, tags, original } = document;
  const json = {
    time,
    ...(parent !== undefined && { parent }),
    tree,
    paths,
    hostname,
    username,
    uid,
    gid,
    ...(excludes.length > 0 && { excludes }),
    ...(tags.length > 0 && { tags }),
    ...(original !== undefined && { original }),
    ...(document.programVersion !== undefined && { program_version: document.programVersion }),
  };
  return namedFile(encodeUnpacked(sealer, json, version));
}

/** Rejects with `corrupt`. */
export function decodeSnapshot(sealer: Sealer, bytes: Uint8Array): SnapshotDocument {
  const parsed = schema.safeParse(decodeUnpacked(sealer, bytes, { maxBytes: maxJsonBytes }));
  if (!parsed.success) {
    throw new SyncError('corrupt', `A snapshot file is damaged: ${z.prettifyError(parsed.error)}`);
  }
  const { parent, original, program_version: programVersion, paths, excludes, tags, ...rest } = parsed.data;
  return {
    ...rest,
    paths: paths ?? [],
    excludes: excludes ?? [],
    tags: tags ?? [],
    ...(parent && { parent }),
    ...(original && { original }),
    ...(programVersion !== undefined && { programVersion }),
  };
}

function isTime(text: string): boolean {
  try {
    nsOfRfc3339(text);
    return true;
  } catch {
    return false;
  }
}
