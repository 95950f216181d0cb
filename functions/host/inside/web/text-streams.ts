import { domString } from './convert.ts';
import { defineInterface } from './interface.ts';
import { TransformStream, type ReadableStream, type WritableStream } from './streams.ts';
import { TextDecoder, utf8Name } from './text.ts';
import { makeText } from '../text.ts';

const utf8 = makeText();

/** Encoding §7.5 */
export class TextEncoderStream {
  /** A high surrogate whose other half may come with the next piece. */
  #open = '';
  readonly #transform = new TransformStream<unknown, Uint8Array>({
    transform: (chunk, controller) => {
      const text = this.#open + domString(chunk);
      this.#open = /[\uD800-\uDBFF]$/.test(text) ? text.slice(-1) : '';
      const whole = this.#open === '' ? text : text.slice(0, -1);
      if (whole !== '') controller.enqueue(utf8.encode(whole));
    },
    flush: (controller) => {
      if (this.#open !== '') controller.enqueue(utf8.encode(this.#open));
    },
  });
  get encoding(): string {
    return utf8Name;
  }
  get readable(): ReadableStream<Uint8Array> {
    return this.#transform.readable;
  }
  get writable(): WritableStream<unknown> {
    return this.#transform.writable;
  }
}
defineInterface('TextEncoderStream', TextEncoderStream);

/** Encoding §7.4 */
export class TextDecoderStream {
  readonly #decoder: TextDecoder;
  readonly #transform: TransformStream<unknown, string>;

  constructor(label: unknown = 'utf-8', options?: { fatal?: boolean; ignoreBOM?: boolean }) {
    const decoder = new TextDecoder(label, options);
    this.#decoder = decoder;
    this.#transform = new TransformStream<unknown, string>({
      transform(chunk, controller) {
        if (chunk === undefined) throw new TypeError('A TextDecoderStream takes bytes');
        const text = decoder.decode(chunk, { stream: true });
        if (text !== '') controller.enqueue(text);
      },
      flush(controller) {
        const text = decoder.decode();
        if (text !== '') controller.enqueue(text);
      },
    });
  }
  get encoding() {
    return this.#decoder.encoding;
  }
  get fatal() {
    return this.#decoder.fatal;
  }
  get ignoreBOM() {
    return this.#decoder.ignoreBOM;
  }
  get readable(): ReadableStream<string> {
    return this.#transform.readable;
  }
  get writable(): WritableStream<unknown> {
    return this.#transform.writable;
  }
}
defineInterface('TextDecoderStream', TextDecoderStream);
