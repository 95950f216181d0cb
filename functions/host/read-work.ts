import { readWork, type Work } from './crypto/do-work.ts';

/** What cannot be read is work that fails. */
export function readWorkSafely(text: string, bytes: Uint8Array = new Uint8Array(0)): Work {
  try {
    return readWork(text, bytes);
  } catch (error) {
    const run = () => {
      throw error;
    };
    return { costMs: 0, run };
  }
}
