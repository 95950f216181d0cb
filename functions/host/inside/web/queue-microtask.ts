import { reportException } from './report-error.ts';

const NativePromise = Promise;
const then = Object.getOwnPropertyDescriptor(NativePromise.prototype, 'then')?.value as () => unknown;

/** HTML §8.6. What the callback throws is reported, and fails nothing. */
export function queueMicrotask(callback: () => void): void {
  if (typeof callback !== 'function') throw new TypeError('queueMicrotask needs a function');
  const run = () => {
    try {
      callback();
    } catch (error) {
      reportException(error);
    }
  };
  void Reflect.apply(then, new NativePromise<void>((resolve) => resolve()), [run]);
}
