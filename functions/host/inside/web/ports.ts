type Log = (level: 'debug' | 'info' | 'warn' | 'error', message: string) => void;

/** What web APIs ask the host while the isolate waits; strings, numbers and bytes only. */
export type Ask = {
  /** `count` random bytes, at most 65536. */
  (what: 'random', count: number): Uint8Array;
  /** A parsed URL (`url-record.ts`), or '' when it is none. `base` may be ''. */
  (what: 'url', input: string, base: string): string;
  /** As above, after a setter of `href`, `protocol` and so on. */
  (what: 'urlWith', href: string, property: string, value: string): string;
  /** The name of the encoding a label stands for, or ''; the text of a library that is loaded when it is used (`lazy/`). */
  (what: 'encoding' | 'chunk', name: string): string;
  /** Text in an old encoding; undefined when it is `fatal` and the bytes are not in that encoding. */
  (what: 'decode', encoding: string, bytes: Uint8Array, fatal: boolean): string | undefined;
};

type WorkReply = { readonly json: unknown; readonly bytes: Uint8Array | undefined };

/** What the web APIs have of the host. Rebinding is impossible for the tenant: nothing but these modules sees it. */
export type Ports = {
  ask: Ask;
  /** Cryptography, done by the host meanwhile. Rejects with an error whose `code` names a DOMException or TypeError. */
  work: (method: string, args: unknown, bytes: Uint8Array) => Promise<WorkReply>;
  log: Log;
  /** An exception nobody caught: to the error event of the global object, else to the log. */
  report: (error: unknown) => void;
  setTimeout: (work: () => void, delayMs: number) => unknown;
  clearTimeout: (timer: unknown) => void;
  /** When the isolate began, milliseconds since 1970. */
  timeOriginMs: number;
};

/** Filled when an isolate starts: its classes are part of the snapshot, made before there is a host. */
export const ports = Object.create(null) as Ports;

export function connect(own: Ports): void {
  Object.assign(ports, own);
}
