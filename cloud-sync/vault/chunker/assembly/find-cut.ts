// AssemblyScript, not TypeScript: see `scripts/find-cut-module.ts`. The gear lies at the beginning of the memory.

let hash: i32 = 0;

/** Where the first cut of FastCDC lies at or behind `first` and before `end`; `end` if there is none. Bits below `shift` may be set. */
export function findCut(first: i32, middle: i32, end: i32, shiftBefore: i32, shiftAfter: i32): i32 {
  hash = 0;
  if (first < middle) {
    const cut = scan(first, middle, shiftBefore);
    if (cut != 0) return cut;
  }
  const cut = scan(max(first, middle), end, shiftAfter);
  return cut != 0 ? cut : end;
}

/** Goes on with `hash`. Four bytes at a time: one load, and one look at whether any of them is a cut's, in their order. */
function scan(from: i32, end: i32, shift: i32): i32 {
  const mask: i32 = -1 << shift;
  let rolled = hash;
  let at = from;
  for (; at < end - 3; at += 4) {
    const four = load<u32>(at);
    const one = (rolled << 1) + load<i32>((four & 0xff) << 2);
    const two = (one << 1) + load<i32>(((four >> 8) & 0xff) << 2);
    const three = (two << 1) + load<i32>(((four >> 16) & 0xff) << 2);
    rolled = (three << 1) + load<i32>((four >> 24) << 2);
    if ((one & mask) == 0) return at + 1;
    if ((two & mask) == 0) return at + 2;
    if ((three & mask) == 0) return at + 3;
    if ((rolled & mask) == 0) return at + 4;
  }
  for (; at < end; at += 1) {
    rolled = (rolled << 1) + load<i32>((load<u8>(at) as i32) << 2);
    if ((rolled & mask) == 0) return at + 1;
  }
  hash = rolled;
  return 0;
}
