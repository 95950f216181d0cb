import { AbortController, AbortSignal } from './abort.ts';
import { atob, btoa } from './atob.ts';
import { CompressionStream, DecompressionStream } from './compression.ts';
import { console } from './console.ts';
import { crypto, Crypto } from './crypto.ts';
import { defineGlobals, defineLazyGlobals } from './define-globals.ts';
import { CryptoKey } from './crypto-key.ts';
import { DOMException } from './dom-exception.ts';
import { defineHandler } from './event-handler.ts';
import { EventTarget } from './event-target.ts';
import { Event } from './event.ts';
import { CustomEvent, ErrorEvent, MessageEvent, PromiseRejectionEvent } from './events.ts';
import { MessageChannel, MessagePort } from './message-channel.ts';
import { Navigator, navigator } from './navigator.ts';
import { performance, Performance } from './performance.ts';
import { queueMicrotask } from './queue-microtask.ts';
import { reportError } from './report-error.ts';
import { streamNames } from './stream-names.ts';
import { streamClasses } from './streams.ts';
import { structuredClone } from './structured-clone.ts';
import { SubtleCrypto } from './subtle.ts';
import { TextDecoderStream, TextEncoderStream } from './text-streams.ts';
import { TextDecoder, TextEncoder } from './text.ts';
import { URLSearchParams } from './url-search-params.ts';
import { urlPatternClasses } from './url-pattern.ts';
import { URL } from './url.ts';
import { Blob } from './blob.ts';
import { File } from './file.ts';
import { FormData } from './form-data.ts';
import { Headers } from './headers.ts';
import { Request } from './request.ts';
import { Response } from './response.ts';

/** What there is beside the language: the WinterTC minimum common API. */
const globals = {
  AbortController,
  AbortSignal,
  CompressionStream,
  Crypto,
  CryptoKey,
  CustomEvent,
  DOMException,
  DecompressionStream,
  ErrorEvent,
  Event,
  EventTarget,
  MessageChannel,
  MessageEvent,
  MessagePort,
  Navigator,
  Performance,
  PromiseRejectionEvent,
  SubtleCrypto,
  TextDecoder,
  TextDecoderStream,
  TextEncoder,
  TextEncoderStream,
  Blob,
  File,
  FormData,
  Headers,
  Request,
  Response,
  URL,
  URLSearchParams,
  atob,
  btoa,
  console,
  crypto,
  navigator,
  performance,
  queueMicrotask,
  reportError,
  self: globalThis,
  structuredClone,
};

/** Puts them on the global object, which is an event target. Happens once, when the snapshot is made. */
export function installWeb(): void {
  defineGlobals(globals);
  defineLazyGlobals(streamNames, streamClasses);
  defineLazyGlobals(['URLPattern'], urlPatternClasses);
  Object.setPrototypeOf(globalThis, EventTarget.prototype);
  for (const type of ['error', 'unhandledrejection', 'rejectionhandled']) defineHandler(globalThis, type);
}
