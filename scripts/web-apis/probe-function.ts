import type { Api } from './api.ts';

/** What checks may use. */
const helpers = `
const bytes = (...values) => Uint8Array.from(values);
const utf8 = (text) => new TextEncoder().encode(text);
const hex = (data) => Array.from(new Uint8Array(data.buffer ?? data), (byte) => byte.toString(16).padStart(2, '0')).join('');
const fromHex = (text) => Uint8Array.from(text.match(/../g), (pair) => Number.parseInt(pair, 16));
const same = (a, b) => JSON.stringify(a) === JSON.stringify(b);
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const throws = (work, name) => { try { work(); } catch (error) { return error.name === name; } return false; };
const rejects = (promise, name) => promise.then(() => false, (error) => error.name === name);
const streamOf = (...chunks) => new ReadableStream({ start(c) { for (const chunk of chunks) c.enqueue(chunk); c.close(); } });
const collect = async (stream) => { const all = []; for await (const chunk of stream) all.push(chunk); return all; };
const read = async (stream) => new Uint8Array((await collect(stream)).flatMap((chunk) => [...chunk]));
`;

/** The results by the name of an API: for each check `true`, or what was found instead. */
export type Results = Readonly<Record<string, Readonly<Record<string, true | string>>>>;

/** Source of a function that runs the checks of one API, whose number is its payload. */
export function probeFunction(apis: readonly Api[]): string {
  const table = apis.map(({ checks }) => {
    const rows = Object.entries(checks).map(
      ([sentence, check]) => `${JSON.stringify(sentence)}: async () => (${check})`,
    );
    return `{ ${rows.join(',\n')} }`;
  });
  return `${helpers}
const table = [${table.join(',\n')}];
export default {
  async invoke(number) {
    const results = {};
    for (const [sentence, check] of Object.entries(table[number])) {
      try {
        const found = await check();
        results[sentence] = found === true ? true : 'it gave ' + String(found);
      } catch (error) {
        results[sentence] = 'it threw ' + String(error);
      }
    }
    return results;
  },
};`;
}
