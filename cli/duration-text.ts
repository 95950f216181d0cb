const units = [
  [86_400, 'd'],
  [3600, 'h'],
  [60, 'min'],
  [1, 's'],
] as const;

/** Milliseconds as people say them, at most two units: `0.4 s`, `12 s`, `3 min 5 s`, `2 d 4 h`. */
export function formatDuration(ms: number): string {
  if (ms < 9950) return `${(Math.max(0, ms) / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  const first = units.findIndex(([size]) => seconds >= size);
  const parts: string[] = [];
  let left = seconds;
  for (const [size, name] of units.slice(first, first + 2)) {
    const count = Math.floor(left / size);
    left -= count * size;
    if (count > 0) parts.push(`${count} ${name}`);
  }
  return parts.join(' ');
}

/** How long ago something was, for a table: `just now`, `5 min ago`, `3 d ago`. */
export function formatAge(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  const [size, name] = units.find(([unit]) => seconds >= unit && unit > 1) ?? [0, ''];
  return size === 0 ? 'just now' : `${Math.floor(seconds / size)} ${name} ago`;
}
