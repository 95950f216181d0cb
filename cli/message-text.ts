import type { StoredMessage } from '../cloud-sync/protocol/api.ts';
import { printable } from './printable.ts';

/** Of a payload; the whole of it is in the JSON. */
const previewChars = 200;

const decoder = new TextDecoder('utf-8', { fatal: true });

/** One line for a person: time, device, stream and number, topic, the beginning of the payload. */
export function messageText({ device, time, stream, seq, topic, payload, gap }: StoredMessage): string {
  const place = `${time} ${device} ${stream}/${seq}`;
  if (gap) return `${place} (${gap.count} messages dropped on the device: ${printable(gap.reason)})`;
  const bytes = Buffer.from(payload ?? '', 'base64');
  return `${place} ${printable(topic ?? '')} ${preview(bytes)}`.trimEnd();
}

function preview(bytes: Uint8Array): string {
  const text = utf8(bytes);
  if (text === undefined) return `(${bytes.byteLength} bytes that are no text)`;
  const line = printable(text);
  return line.length <= previewChars
    ? line
    : `${line.slice(0, previewChars).toWellFormed()}… (${bytes.byteLength} bytes)`;
}

function utf8(bytes: Uint8Array): string | undefined {
  try {
    return decoder.decode(bytes);
  } catch {
    return undefined;
  }
}
