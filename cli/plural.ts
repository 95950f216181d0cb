/** `1 file`, `48,668 files`. By hand: to load the rules of languages takes longer than most commands. */
export function plural(count: number, one: string, many = `${one}s`): string {
  return `${String(count).replace(/\B(?=(\d{3})+$)/g, ',')} ${count === 1 ? one : many}`;
}
