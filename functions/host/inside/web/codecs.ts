import * as fflate from 'fflate';

export type Codecs = Pick<typeof fflate, 'Deflate' | 'Gunzip' | 'Gzip' | 'Inflate' | 'Unzlib' | 'Zlib'>;

/** In an isolate `lazy/codecs.ts` stands in the place of this module. */
export function codecs(): Codecs {
  return fflate;
}
