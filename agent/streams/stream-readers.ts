import type { Machine } from '../../manifests/machine.ts';

/** The consumer as which a function reads a stream. */
export function functionConsumer(functionName: string): string {
  return `function:${functionName}`;
}

/** The consumer as which the `index`th `out` entry of a bridge reads its stream. */
export function bridgeConsumer(bridge: string, index: number): string {
  return `bridge:${bridge}/${index}`;
}

/** Who reads which stream, besides the consumers that the stream itself names: functions and bridges. */
export function streamReaders({
  functions,
  bridges = {},
}: Pick<Machine, 'functions'> & Partial<Pick<Machine, 'bridges'>>): Map<string, string[]> {
  const readers = new Map<string, string[]>();
  const add = (stream: string, consumer: string): void => {
    const names = readers.get(stream) ?? [];
    if (!names.includes(consumer)) readers.set(stream, [...names, consumer]);
  };
  for (const [name, { on }] of Object.entries(functions))
    for (const trigger of on) if ('stream' in trigger) add(trigger.stream, functionConsumer(name));
  for (const [name, { out }] of Object.entries(bridges))
    for (const [index, { stream }] of out.entries()) add(stream, bridgeConsumer(name, index));
  return readers;
}
