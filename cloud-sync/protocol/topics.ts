/** Topics of the control protocol, MQTT 3.1.1: `hf/v1/{tenant}/{device}/…`. */
export type DeviceAddress = { readonly tenant: string; readonly device: string };

const root = 'hf/v1';

export const deviceTopics = ({ tenant, device }: DeviceAddress) => {
  const prefix = `${root}/${tenant}/${device}`;
  return {
    prefix,
    online: `${prefix}/online`,
    desired: `${prefix}/desired`,
    reported: `${prefix}/reported`,
    reportedAck: `${prefix}/reported/ack`,
    command: (id: string) => `${prefix}/cmd/${id}`,
    anyCommand: `${prefix}/cmd/+`,
    commandStatus: (id: string) => `${prefix}/cmd/${id}/status`,
    relay: `${prefix}/relay`,
    relayAck: `${prefix}/relay/ack`,
  } as const;
};

export type UpTopic =
  | { readonly kind: 'online' | 'reported' | 'relay' }
  | { readonly kind: 'commandStatus'; readonly id: string };

const tail = /^(?:(online|reported|relay)|cmd\/([A-Za-z0-9-]{1,64})\/status)$/;

/** What a device says on `topic`, or undefined when no device may say it there. */
export function parseUpTopic(address: DeviceAddress, topic: string): UpTopic | undefined {
  const { prefix } = deviceTopics(address);
  if (!topic.startsWith(`${prefix}/`)) return undefined;
  const match = tail.exec(topic.slice(prefix.length + 1));
  if (!match) return undefined;
  if (match[2] !== undefined) return { kind: 'commandStatus', id: match[2] };
  return { kind: match[1] as 'online' | 'reported' | 'relay' };
}

/** Where the control plane publishes a relayed message again, for ordinary MQTT clients. */
export function republishedTopic({ tenant, device }: DeviceAddress, topic: string): string {
  return `t/${tenant}/${device}/${topic}`;
}
