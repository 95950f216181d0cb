import { imageIndexSchema, imageManifestSchema, type ImageIndex, type ImageManifest } from '../manifest.ts';
import { badImage } from './bad-image.ts';

/** What a digest names: one image, or an index of several platforms. */
export type ManifestDocument =
  | { readonly kind: 'image'; readonly manifest: ImageManifest }
  | { readonly kind: 'index'; readonly index: ImageIndex };

/** What names layers as well as manifests would be one thing to us and another to other tools: it is neither, and `badImage`. */
export function parseManifestDocument(bytes: Uint8Array, name: string): ManifestDocument {
  const value = parseJson(bytes, name);
  const isObject = typeof value === 'object' && value !== null;
  if (!isObject || 'manifests' in value === 'layers' in value) {
    throw badImage(name, 'is neither an image manifest nor an index');
  }
  try {
    return 'layers' in value
      ? { kind: 'image', manifest: imageManifestSchema.parse(value) }
      : { kind: 'index', index: imageIndexSchema.parse(value) };
  } catch (cause) {
    throw badImage(name, 'is no valid manifest', cause);
  }
}

function parseJson(bytes: Uint8Array, name: string): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString());
  } catch (cause) {
    throw badImage(name, 'is no JSON', cause);
  }
}
