import { InvalidArgumentError } from 'commander';
import { readBytes, readBytesPerSecond, readDuration } from '../manifests/amounts.ts';
import { isTopicFilter, isWord, nameWord, topicPrefixWord } from '../manifests/words.ts';

/** How long `--wait` without a duration waits. */
export const defaultWaitMs = 60_000;

/** `60s` to milliseconds. */
export function parseDuration(text: string): number {
  if (text === '0') return 0;
  const durationMs = readDuration(text);
  if (durationMs === undefined)
    throw new InvalidArgumentError('Give a whole number and a unit, such as 60s or 5m.');
  return durationMs;
}

/** For what ends by itself: `1h` to milliseconds, a second at least. */
export function parseDurationUpTo(maxDays: number): (text: string) => number {
  return (text) => {
    const durationMs = parseDuration(text);
    if (durationMs < 1000 || durationMs > maxDays * 86_400_000)
      throw new InvalidArgumentError(`Give a time from 1s to ${maxDays}d.`);
    return durationMs;
  };
}

/** How long something is kept: `7d` to milliseconds. */
export function parseAge(text: string): number {
  const ageMs = parseDuration(text);
  if (ageMs === 0) throw new InvalidArgumentError('Give a time such as 7d; leave the option out for no end.');
  return ageMs;
}

/** `10GiB` to bytes, one at least. */
export function parseBytes(text: string): number {
  const bytes = readBytes(text);
  if (bytes === undefined)
    throw new InvalidArgumentError('Give a whole number and a unit, such as 500MiB or 10GiB.');
  return bytes;
}

/** `2MiB/s` to bytes a second. */
export function parseBytesPerSecond(text: string): number {
  const rate = readBytesPerSecond(text);
  if (rate === undefined)
    throw new InvalidArgumentError('Give an amount a second, such as 500KiB/s or 2MiB/s.');
  return rate;
}

/** A path that is empty, as that of a variable which is not set, would be the current folder. */
export function parsePath(text: string): string {
  if (text === '') throw new InvalidArgumentError('The path is empty.');
  return text;
}

export function parsePort(text: string): number {
  const port = Number(text);
  if (!/^[0-9]{1,5}$/.test(text) || port > 65_535) {
    throw new InvalidArgumentError('Give a port between 0 and 65535; 0 takes a free one.');
  }
  return port;
}

export type Address = { readonly host: string; readonly port: number };

/** `127.0.0.1:8080`, `[::1]:0` or `localhost:8080`. */
export function parseAddress(text: string): Address {
  const [, ipv6, name, port = ''] = /^(?:\[([0-9a-f:.]+)\]|([^\s:/]{1,253})):([0-9]{1,5})$/i.exec(text) ?? [];
  const host = ipv6 ?? name;
  if (host === undefined)
    throw new InvalidArgumentError('Give an address and a port, such as 127.0.0.1:8080.');
  return { host, port: parsePort(port) };
}

/** An address that others are told, such as `https://cloud.example.com:8443`; a slash at its end goes. */
export function parsePublicUrl(protocol: 'https:' | 'mqtts:'): (text: string) => string {
  return (text) => {
    const url = URL.parse(text);
    const isAddress = url?.protocol === protocol && text.startsWith(`${protocol}//`) && url.hostname !== '';
    // As it is written: a parsed one has lost a `?` with nothing behind it, and a line break, which both would be handed on.
    if (!isAddress || url.username !== '' || url.password !== '' || /[?#\s]/.test(text))
      throw new InvalidArgumentError(`Give an address such as ${protocol}//cloud.example.com:8443.`);
    return text.replace(/\/+$/, '');
  };
}

export function formatAddress({ host, port }: Address): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

export function parseName(text: string): string {
  if (!isWord(nameWord, text)) {
    throw new InvalidArgumentError(
      'Use lower-case letters, digits and inner hyphens, at most 63 characters.',
    );
  }
  return text;
}

export function parseTopicFilter(text: string): string {
  if (!isTopicFilter(text))
    throw new InvalidArgumentError('Give an MQTT topic filter: + for one whole level, # only at the end.');
  return text;
}

export function parseTopicPrefix(text: string): string {
  if (text === '' || !isWord(topicPrefixWord, text))
    throw new InvalidArgumentError('Give the front of topics, such as again/, without + and #.');
  return text;
}

export function parseGeneration(text: string): number {
  if (!/^[1-9][0-9]{0,14}$/.test(text)) throw new InvalidArgumentError('Give the number of a generation.');
  return Number(text);
}

export function parseCount(text: string): number {
  if (!/^[0-9]{1,9}$/.test(text)) throw new InvalidArgumentError('Give a whole number.');
  return Number(text);
}

export function parseCountUpTo(max: number): (text: string) => number {
  return (text) => {
    const count = parseCount(text);
    if (count > max) throw new InvalidArgumentError(`Give a whole number, at most ${max}.`);
    return count;
  };
}

/** Why somebody holds something back, for whoever finds it so. */
export function parseReason(text: string): string {
  if (text === '' || text.length > 200) throw new InvalidArgumentError('Give 1 to 200 characters.');
  return text;
}

/** `5%` to 0.05; less than all. */
export function parseShare(text: string): number {
  const [, percent] = /^([0-9]{1,2}(?:\.[0-9]{1,3})?)\s?%$/.exec(text) ?? [];
  if (percent === undefined) throw new InvalidArgumentError('Give a share below 100%, such as 5%.');
  return Number(percent) / 100;
}

/** For an option that may be given several times. */
export function collect(text: string, before: readonly string[]): readonly string[] {
  return [...before, text];
}

/** Examples under a command's help. */
export function examples(...lines: readonly string[]): string {
  return `\nExamples:\n${lines.map((line) => `  $ ${line}`).join('\n')}`;
}
