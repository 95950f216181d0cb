/** Who uses which secret: two accounts in one. */
export function mergeUses(
  one: ReadonlyMap<string, readonly string[]>,
  other: ReadonlyMap<string, readonly string[]>,
): Map<string, readonly string[]> {
  const merged = new Map(one);
  for (const [secret, users] of other) merged.set(secret, [...(merged.get(secret) ?? []), ...users]);
  return merged;
}
