import type { Api } from './api.ts';
import { cryptography } from './probes/crypto.ts';
import { encoding } from './probes/encoding.ts';
import { events } from './probes/events.ts';
import { fetching } from './probes/fetch.ts';
import { html } from './probes/html.ts';
import { streams } from './probes/streams.ts';
import { url } from './probes/url.ts';
import { webAssembly } from './probes/web-assembly.ts';

export const apis: readonly Api[] = [
  ...events,
  ...url,
  ...encoding,
  ...streams,
  ...fetching,
  ...html,
  ...cryptography,
  ...webAssembly,
].sort((a, b) => a.name.localeCompare(b.name, 'en'));

/** Everything the standard asks for: ECMA-429, Minimum common web API, 2025, "Common API Index". */
export const required: readonly string[] = [
  ...`AbortController AbortSignal Blob ByteLengthQueuingStrategy CompressionStream CountQueuingStrategy Crypto CryptoKey CustomEvent
  DecompressionStream DOMException ErrorEvent Event EventTarget File FormData Headers MessageChannel MessageEvent MessagePort Performance
  PromiseRejectionEvent ReadableByteStreamController ReadableStream ReadableStreamBYOBReader ReadableStreamBYOBRequest
  ReadableStreamDefaultController ReadableStreamDefaultReader Request Response SubtleCrypto TextDecoder TextDecoderStream TextEncoder
  TextEncoderStream TransformStream TransformStreamDefaultController URL URLPattern URLSearchParams WritableStream
  WritableStreamDefaultController WritableStreamDefaultWriter globalThis atob() btoa() clearTimeout() clearInterval() console crypto fetch()
  navigator.userAgent onerror onunhandledrejection onrejectionhandled performance queueMicrotask() reportError() self setTimeout()
  setInterval() structuredClone()`.split(/\s+/),
  ...`Global Instance Memory Module Table Tag Exception CompileError LinkError RuntimeError compile() compileStreaming() instantiate()
  instantiateStreaming() JSTag validate()`
    .split(/\s+/)
    .map((name) => `WebAssembly.${name}`),
];
