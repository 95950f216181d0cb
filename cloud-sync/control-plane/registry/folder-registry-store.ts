import { readdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { atomicWrite } from '../../../lib/atomic-write.ts';
import { isDigest, type Digest } from '../../../lib/digest.ts';
import { errorCode } from '../../../lib/error-code.ts';
import { SyncError } from '../../errors.ts';
import { asDiskError } from '../../oci/disk-errors.ts';
import { BlobFolder, manifestMaxBytes } from '../../oci/index.ts';
import { makeFolder } from '../../oci/make-folder.ts';
import type { RegistryStore, StoredManifest } from './registry-store.ts';

const manifestNoteSchema = z.strictObject({ mediaType: z.string().max(255) });
const tagSchema = z.strictObject({ digest: z.custom<Digest>((v) => typeof v === 'string' && isDigest(v)) });

/**
 * A registry in one folder: `blobs/sha256/…` as in an OCI layout; `repositories/{name}/_manifests/{hex}.json` says that a blob
 * is a manifest of that repository and of which media type; `repositories/{name}/_tags/{tag}.json` points to one. No part of a
 * repository's name begins with `_`, so the two kinds of folder never meet.
 */
export async function openFolderRegistryStore(root: string): Promise<RegistryStore> {
  const blobs = await BlobFolder.open(root);
  const folderOf = (repository: string) => join(root, 'repositories', ...repository.split('/'));
  const noteOf = (repository: string, digest: Digest) =>
    join(folderOf(repository), '_manifests', `${digest.slice('sha256:'.length)}.json`);
  const tagOf = (repository: string, tag: string) => join(folderOf(repository), '_tags', `${tag}.json`);

  async function manifest(repository: string, reference: string): Promise<StoredManifest | undefined> {
    const digest = isDigest(reference)
      ? reference
      : (await readNote(tagOf(repository, reference), tagSchema))?.digest;
    if (digest === undefined) return undefined;
    const note = await readNote(noteOf(repository, digest), manifestNoteSchema);
    if (note === undefined) return undefined;
    return { digest, mediaType: note.mediaType, bytes: await blobs.read(digest, manifestMaxBytes) };
  }

  return {
    blobSize: (digest) => blobs.size(digest),
    readBlob: (digest, range) => blobs.stream(digest, range),
    createBlobWriter: ({ maxBytes }) => blobs.createWriter({ maxBytes }),
    manifest,
    async putManifest(repository, { digest, mediaType, bytes }, tag) {
      // A tag never points to what a crash may have kept from the disk: each step is durable before the next. [G1]
      await using writer = await blobs.createWriter({ maxBytes: manifestMaxBytes });
      await writer.write(bytes);
      await writer.commit(digest);
      await writeNote(noteOf(repository, digest), { mediaType });
      if (tag !== undefined) await writeNote(tagOf(repository, tag), { digest });
    },
    async tags(repository) {
      const tags = await namesIn(join(folderOf(repository), '_tags'));
      if (tags !== undefined) return tags.sort();
      return (await namesIn(join(folderOf(repository), '_manifests'))) && [];
    },
  };
}

async function writeNote(path: string, value: object): Promise<void> {
  try {
    await makeFolder(dirname(path));
    await atomicWrite(path, JSON.stringify(value));
  } catch (error) {
    throw asDiskError(error, path);
  }
}

async function readNote<T>(path: string, schema: z.ZodType<T>): Promise<T | undefined> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if (errorCode(error) === 'ENOENT' || errorCode(error) === 'ENOTDIR') return undefined;
    throw error;
  }
  try {
    return schema.parse(JSON.parse(text));
  } catch (cause) {
    throw new SyncError('corrupt', `The registry's file ${path} is damaged`, {
      cause,
      hint: 'Push the tag again.',
    });
  }
}

/** What notes a folder has, those of interrupted writes (`….json.….tmp`) left out; undefined when there is no such folder. */
async function namesIn(folder: string): Promise<string[] | undefined> {
  try {
    const files = (await readdir(folder)).filter((name) => name.endsWith('.json'));
    return files.map((name) => name.slice(0, -'.json'.length));
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}
