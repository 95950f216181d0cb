/** `48,668`. By hand: to load the rules of languages takes longer than most commands. */
export function grouped(count: number): string {
  return String(count).replace(/\B(?=(\d{3})+$)/g, ',');
}
