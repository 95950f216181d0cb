import { DOMException } from './dom-exception.ts';

// web-streams-polyfill takes it from the global object when it is loaded.
Object.defineProperty(globalThis, 'DOMException', {
  value: DOMException,
  writable: true,
  configurable: true,
});
