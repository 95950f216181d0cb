import type { RecordLine } from '../../../agent/control/stream-protocol.ts';
import { printable } from '../../printable.ts';

/** A record as it is exported: the payload as text where it is UTF-8. */
export type ExportedRecord = {
  readonly seq: number;
  readonly time: string;
  readonly topic?: string;
  readonly contentType?: string;
  readonly key?: string;
  readonly encoding?: 'utf-8' | 'base64';
  readonly payload?: string;
  readonly gap?: { readonly count: number; readonly reason: string };
};

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

export function exportedOf({
  seq,
  time,
  topic,
  contentType,
  key,
  payload = '',
  gap,
}: RecordLine): ExportedRecord {
  if (gap) return { seq, time, gap };
  return {
    ...{ seq, time, ...(topic !== undefined && { topic }) },
    ...(contentType !== undefined && { contentType }),
    ...(key !== undefined && { key }),
    ...decoded(payload),
  };
}

function decoded(base64: string): Required<Pick<ExportedRecord, 'encoding' | 'payload'>> {
  try {
    return { encoding: 'utf-8', payload: decoder.decode(Buffer.from(base64, 'base64')) };
  } catch {
    return { encoding: 'base64', payload: base64 };
  }
}

/** One line for a person; nothing in it moves the cursor of a terminal. */
export function readable({ seq, time, topic = '', payload = '', encoding, gap }: ExportedRecord): string {
  if (gap) return `${time} ${seq} (${gap.count} messages are gone: ${gap.reason})`;
  const text = encoding === 'base64' ? `base64:${payload}` : printable(payload);
  return `${time} ${seq} ${printable(topic)} ${text}`.trimEnd();
}

const columns = [
  'seq',
  'time',
  'topic',
  'contentType',
  'key',
  'encoding',
  'payload',
  'gapCount',
  'gapReason',
];

export type Format = { readonly head: string; readonly line: (record: ExportedRecord) => string };

export const formats: Readonly<Record<'jsonl' | 'csv', Format>> = {
  jsonl: { head: '', line: (record) => `${JSON.stringify(record)}\n` },
  /** RFC 4180. */
  csv: {
    head: csvLine(columns),
    line: ({ seq, time, topic, contentType, key, encoding, payload, gap }) =>
      csvLine([seq, time, topic, contentType, key, encoding, payload, gap?.count, gap?.reason]),
  },
};

function csvLine(cells: readonly (string | number | undefined)[]): string {
  return `${cells.map((cell) => csvCell(String(cell ?? ''))).join(',')}\r\n`;
}

function csvCell(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
