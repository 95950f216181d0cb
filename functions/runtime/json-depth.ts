const [quote, backslash, openList, openRecord, closeList, closeRecord] = Buffer.from('"\\[{]}');

/** Whether lists and records in this JSON text, UTF-8, lie more than `levels` inside each other. What is no JSON gives anything. */
export function isDeeperThan(json: Uint8Array, levels: number): boolean {
  // Each level has an end as well as a beginning.
  if (json.length <= 2 * levels) return false;
  let depth = 0;
  let inString = false;
  for (let at = 0; at < json.length; at++) {
    const byte = json[at];
    if (inString) {
      if (byte === backslash) at++;
      else if (byte === quote) inString = false;
    } else if (byte === quote) inString = true;
    else if (byte === openList || byte === openRecord) {
      if (++depth > levels) return true;
    } else if (byte === closeList || byte === closeRecord) depth--;
  }
  return false;
}
