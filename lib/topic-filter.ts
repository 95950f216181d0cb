/**
 * MQTT 3.1.1 topic filters (§4.7), on the strings themselves: no tree to keep, no limit on levels but the caller's own.
 * A filter is taken as valid; a malformed one matches nothing it should not.
 */

/** Whether `filter` selects `topic`. Topics that begin with `$` are selected only by filters that begin the same way [MQTT-4.7.2-1]. */
export function topicMatches(filter: string, topic: string): boolean {
  if (topic.startsWith('$') !== filter.startsWith('$')) return false;
  // On the way of every message, for every filter: nothing is split or copied.
  for (let at = 0, level = 0; ;) {
    const partEnd = endOfLevel(filter, at);
    const levelEnd = endOfLevel(topic, level);
    const wildcard = partEnd - at === 1 ? filter[at] : undefined;
    if (wildcard === '#') return true;
    if (wildcard !== '+' && !isSame(filter, at, partEnd, topic, level, levelEnd)) return false;
    if (partEnd === filter.length) return levelEnd === topic.length;
    // [MQTT-4.7.1-2] the parent level itself is matched too
    if (levelEnd === topic.length) return filter[partEnd + 1] === '#' && filter.length === partEnd + 2;
    at = partEnd + 1;
    level = levelEnd + 1;
  }
}

function endOfLevel(text: string, from: number): number {
  const end = text.indexOf('/', from);
  return end === -1 ? text.length : end;
}

function isSame(
  ...[one, from, to, other, otherFrom, otherTo]: [string, number, number, string, number, number]
): boolean {
  if (to - from !== otherTo - otherFrom) return false;
  for (let index = 0; index < to - from; index++)
    if (one.charCodeAt(from + index) !== other.charCodeAt(otherFrom + index)) return false;
  return true;
}

/** Whether every topic that `requested` selects is selected by `granted` as well: what a client may subscribe to. */
export function filterCovers(granted: string, requested: string): boolean {
  if (requested.startsWith('$') !== granted.startsWith('$')) return false;
  const wide = granted.split('/');
  const narrow = requested.split('/');
  for (const [index, part] of wide.entries()) {
    if (part === '#') return true;
    const asked = narrow[index];
    if (asked === undefined || asked === '#') return false;
    if (part !== '+' && part !== asked) return false;
  }
  return wide.length === narrow.length;
}
