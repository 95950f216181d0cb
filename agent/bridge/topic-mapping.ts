import { maxTopicBytes } from '../streams/bounds.ts';

/** As in the manifest: what is taken off the front, and what it becomes. */
export type TopicMapping = { readonly strip: string; readonly topic: string };

const maxLevels = 32;

/** The topic on the other side; undefined when that is none a message can be published on. */
export function mapTopic(
  topic: string,
  { strip, topic: template }: TopicMapping,
  device: string,
): string | undefined {
  const rest = topic.startsWith(strip) ? topic.slice(strip.length) : topic;
  const mapped = template.replaceAll(/\{(topic|device)\}/g, (_all, name) =>
    name === 'topic' ? rest : device,
  );
  return isPublishable(mapped) ? mapped : undefined;
}

/** [MQTT-3.3.2-2, MQTT-4.7.3-1], not of a broker's own, and within what this device takes. */
function isPublishable(topic: string): boolean {
  if (topic === '' || topic.startsWith('$') || /[+#\0]/.test(topic)) return false;
  return Buffer.byteLength(topic) <= maxTopicBytes && topic.split('/').length <= maxLevels;
}
