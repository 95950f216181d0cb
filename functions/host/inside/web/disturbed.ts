/** A chunk has been read, or it was cancelled. [Streams §4.9.3]; the standard gives programs no way to ask, web-streams-polyfill keeps it here. */
export function isDisturbed(stream: object): boolean {
  return (stream as { readonly _disturbed?: unknown })._disturbed === true;
}
