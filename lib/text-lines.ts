/**
 * The lines of UTF-8 bytes, as they are asked for: it holds one chunk and one line, however slow the reader is. A last line
 * without a line break counts. Rejects when a line has more than `maxChars`, and as `chunks` does.
 */
export async function* textLines(
  chunks: AsyncIterable<Uint8Array>,
  { maxChars }: { readonly maxChars: number },
): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of chunks) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n');
    rest = lines.pop() ?? '';
    if (rest.length > maxChars) throw new RangeError(`A line has more than ${maxChars} characters`);
    yield* lines;
  }
  rest += decoder.decode();
  if (rest !== '') yield rest;
}
