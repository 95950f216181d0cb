import type { EventHeader } from './shape.ts';

type Header = Extract<EventHeader, { kind: 'file' }>;

/** A file of a volume was created, modified or deleted. */
export class FileEvent {
  readonly type = 'file';
  readonly volume: string;
  readonly path: string;
  readonly change: Header['change'];
  /** Bytes; absent when deleted. */
  declare readonly size?: number;
  /** RFC 3339 */
  readonly time: string;

  constructor({ volume, path, change, size, time }: Header) {
    this.volume = volume;
    this.path = path;
    this.change = change;
    if (size !== undefined) this.size = size;
    this.time = time;
  }
}
