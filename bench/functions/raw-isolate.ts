import ivm from 'isolated-vm';
import { peerScript } from './bundles.ts';

/** isolated-vm with nothing around it: the limit of what a runtime on top of it can give. */
export class RawIsolate implements Disposable {
  readonly #isolate: ivm.Isolate;
  readonly #handle: ivm.Reference<(text: string) => string>;

  private constructor(isolate: ivm.Isolate, handle: ivm.Reference<(text: string) => string>) {
    this.#isolate = isolate;
    this.#handle = handle;
  }

  static async open(script?: string): Promise<RawIsolate> {
    const code = script ?? (await peerScript('raw'));
    const isolate = new ivm.Isolate({ memoryLimit: 256 });
    const context = await isolate.createContext();
    const handle = await context.evalClosure(`${code}; return handler.handle;`, [], {
      result: { reference: true },
    });
    return new RawIsolate(isolate, handle as ivm.Reference<(text: string) => string>);
  }

  apply(text: string): Promise<unknown> {
    return this.#handle.apply(undefined, [text]);
  }

  [Symbol.dispose](): void {
    this.#isolate.dispose();
  }
}
