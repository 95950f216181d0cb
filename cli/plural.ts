import { grouped } from './grouped.ts';

/** `1 file`, `48,668 files`. */
export function plural(count: number, one: string, many = `${one}s`): string {
  return `${grouped(count)} ${count === 1 ? one : many}`;
}
