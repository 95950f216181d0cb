import type { Answer, ResponseHead, Safe } from './types.ts';

/** The `id` that `done` is sent with: whether its text is the value, or the head of an HTTP response whose body are the bytes. */
export const doneWith = { value: 0, response: 1 } as const;

/** Throws TypeError, naming the handler, for what JSON cannot carry. */
export function jsonAnswer(safe: Safe, handler: string, result: unknown, maxChars: number): Answer {
  const json = toJson(safe, handler, result);
  if (json === undefined) {
    if (result === undefined) return { json: '' };
    throw unserialisable(handler, `returned a ${typeof result}, which JSON cannot carry`);
  }
  if (json.length <= maxChars) return { json };
  const message = `The result is ${json.length} characters of JSON; the limit is ${maxChars} bytes`;
  return { failure: 'resultTooLarge', message };
}

function toJson(safe: Safe, handler: string, result: unknown): string | undefined {
  try {
    return safe.stringify(result);
  } catch (error) {
    const { name, message, stack, denied } = safe.describe(error, 1024);
    // What a toJSON or a getter of the author's throws is the author's own error.
    if (name !== 'TypeError' || denied || /function\.js:\d/.test(stack)) throw error;
    throw unserialisable(handler, `returned what JSON cannot carry: ${message.split('\n', 1)[0] ?? ''}`);
  }
}

function unserialisable(handler: string, problem: string): TypeError {
  return new TypeError(
    `The handler ${handler} ${problem}: return plain objects, arrays, strings and numbers`,
  );
}

/** An answer to HTTP whose body may be too large. */
export function responseAnswer(response: ResponseHead, body: Uint8Array, maxBytes: number): Answer {
  if (body.length <= maxBytes) return { response, body };
  return {
    failure: 'resultTooLarge',
    message: `The body of the response is larger than ${maxBytes} bytes, the limit`,
  };
}
