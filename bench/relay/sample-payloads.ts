const variants = 16_384;
const indexDigits = 10;
const prefix = '{"n":"';

/**
 * Messages as a sensor sends them: JSON of exactly `bytes` bytes, with a number of its own, an id without pattern and
 * readings that differ from message to message, so that compression has the work it has in life.
 */
export class SamplePayloads {
  readonly #templates: Buffer[];

  constructor(bytes: number) {
    const random = randomNumbers(17);
    this.#templates = Array.from({ length: variants }, () => template(bytes, random));
  }

  /** `index`: below 10^10. */
  at(index: number): Buffer {
    const payload = Buffer.from(this.#templates[index % variants] ?? Buffer.alloc(0));
    payload.write(String(index).padStart(indexDigits, '0'), prefix.length, 'latin1');
    return payload;
  }

  /** The number that `at` put into a message. */
  static indexOf(payload: Uint8Array): number {
    let index = 0;
    for (let at = prefix.length; at < prefix.length + indexDigits; at++)
      index = index * 10 + (payload[at] ?? 0) - 48;
    return index;
  }
}

function template(bytes: number, random: () => number): Buffer {
  const head = `${prefix}${'0'.repeat(indexDigits)}","id":"${hexadecimal(16, random)}","sensor":"boiler-${Math.floor(random() * 20)}"`;
  let readings = '';
  const end = ',"unit":"C"}';
  for (;;) {
    const next = `,"t${Math.floor(random() * 4)}":${(15 + random() * 10).toFixed(3)}`;
    if (head.length + readings.length + next.length + end.length + 8 > bytes) break;
    readings += next;
  }
  const rest = bytes - head.length - readings.length - end.length - ',"f":""'.length;
  return Buffer.from(`${head}${readings},"f":"${'-'.repeat(Math.max(0, rest))}"${end}`, 'latin1');
}

function hexadecimal(digits: number, random: () => number): string {
  return Array.from({ length: digits }, () => Math.floor(random() * 16).toString(16)).join('');
}

/** The same numbers at every run: a linear congruential generator (Numerical Recipes), from 0 to below 1. */
function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}
