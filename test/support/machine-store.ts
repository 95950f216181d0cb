import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { buildImage } from '../../cloud-sync/oci/image/build-image.ts';
import { hostPlatform } from '../../cloud-sync/oci/image/platform.ts';
import { OciLayout } from '../../cloud-sync/oci/index.ts';
import { buildBundle } from '../../functions/index.ts';
import type { Digest } from '../../lib/digest.ts';

const signal = new AbortController().signal;

/** Bundles and images in the folder of an agent that never ran: what `holdfast export` takes when it asks nobody. */
export class MachineStore {
  readonly root: string;
  readonly #layout: OciLayout;

  private constructor(root: string, layout: OciLayout) {
    this.root = root;
    this.#layout = layout;
  }

  static async open(root: string): Promise<MachineStore> {
    return new MachineStore(root, await OciLayout.open(join(root, 'artifacts')));
  }

  path(digest: Digest): string {
    return this.#layout.path(digest);
  }

  /** Of a module's source. Resolves with its reference. */
  async addFunction(name: string, source: string): Promise<string> {
    const entry = join(this.root, 'sources', `${name}.mjs`);
    await mkdir(dirname(entry), { recursive: true });
    await writeFile(entry, source);
    const { manifest, blobs, digest } = await buildBundle({ entry, signal });
    for (const blob of blobs) await this.#layout.writeBlob(blob.digest, blob.bytes);
    await this.#layout.writeBlob(digest, manifest);
    return `functions/${name}@${digest}`;
  }

  /** Of a folder. Resolves with its reference. */
  async addImage(name: string, folder: string): Promise<string> {
    const { descriptor } = await buildImage({
      ...{ folder, layout: this.#layout, platform: hostPlatform(), signal },
      settings: { entrypoint: ['/bin/sh'] },
    });
    await this.#layout.tag(name, descriptor);
    return `apps/${name}@${descriptor.digest}`;
  }
}
