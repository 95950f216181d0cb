/**
 * MQTT 3.1.1 topic filters (§4.7), on the strings themselves: no tree to keep, no limit on levels but the caller's own.
 * A filter is taken as valid; a malformed one matches nothing it should not.
 */

/** Whether `filter` selects `topic`. Topics that begin with `$` are selected only by filters that begin the same way [MQTT-4.7.2-1]. */
export function topicMatches(filter: string, topic: string): boolean {
  if (topic.startsWith('$') !== filter.startsWith('$')) return false;
  const wanted = filter.split('/');
  const levels = topic.split('/');
  for (const [index, part] of wanted.entries()) {
    if (part === '#') return true; // [MQTT-4.7.1-2] the parent level itself is matched too
    const level = levels[index];
    if (level === undefined || (part !== '+' && part !== level)) return false;
  }
  return wanted.length === levels.length;
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
