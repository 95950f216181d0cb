/**
 * A word of the language: texts of so many characters (code points) at most that match. Patterns run only on texts within their length, and none
 * backtracks more than linearly.
 */
export type Word = { readonly maxLength: number; readonly pattern: RegExp };

/** Names of devices, apps, functions, streams … : DNS-label like, so that they fit in topics, paths and host names. */
export const nameWord: Word = {
  maxLength: 63,
  pattern: /^(?!constructor$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/,
};

/** An MQTT 3.1.1 topic filter (§4.7): `+` for one whole level, `#` only as the last. */
export const topicFilterWord: Word = {
  maxLength: 1024,
  pattern: /^(?!\$)(?:(?:\+|[^+#\0/]*)(?:\/(?:\+|[^+#\0/]*))*(?:\/#)?|#)$/,
};

/** The front of topics, such as `site/`. */
export const topicPrefixWord: Word = { maxLength: 512, pattern: /^(?!\$)[^+#\0]*$/ };

const maxTopicLevels = 32;

export function isWord({ maxLength, pattern }: Word, text: string): boolean {
  // As the schemas count: a character beyond the first plane is one.
  return text.length <= 2 * maxLength && Array.from(text).length <= maxLength && pattern.test(text);
}

/** Of a topic filter that matches its pattern. */
export function hasFewLevels(filter: string): boolean {
  return filter.split('/').length <= maxTopicLevels;
}

export function isTopicFilter(text: string): boolean {
  return text !== '' && isWord(topicFilterWord, text) && hasFewLevels(text);
}
