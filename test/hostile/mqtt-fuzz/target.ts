import type { Duplex } from 'node:stream';

/** How a connection presents itself. A stranger has no right to anything; what it sends must reach nobody. */
export type Persona = 'client' | 'stranger';

export type Measures = {
  readonly rssBytes: number;
  /** What objects and their buffers take up after a collection: what leaks shows here, whatever the allocator keeps. */
  readonly heapBytes: number;
  readonly sockets: number;
  /** And all other descriptors. */
  readonly files: number;
};

/** A broker in a process of its own that is fed with malformed packets. */
export type FuzzTarget = AsyncDisposable & {
  readonly name: string;
  /** Folder of its recorded sessions. */
  readonly fixtures: string;
  /** A byte stream to the broker; packets of MQTT go in and come out. Errors end it. */
  open(persona: Persona): Duplex;
  /** Texts of recorded sessions that are replaced by others of the same length, so that they say what must not get through. */
  disguise(persona: Persona): readonly (readonly [from: string, to: string])[];
  /** One acknowledged message of somebody else, from end to end. */
  roundTrip(): Promise<void>;
  /** What got through and must not have. */
  readonly violations: readonly string[];
  /** After everything that can be collected was. */
  measure(): Promise<Measures>;
  /** How it ended, once it did. */
  readonly ended: Promise<string>;
};
