/** Pieces of OTLP in its JSON encoding: field names in camelCase, 64-bit integers as strings. */
export type AnyValue =
  | { readonly stringValue: string }
  | { readonly boolValue: boolean }
  | { readonly intValue: string }
  | { readonly doubleValue: number };

export type KeyValue = { readonly key: string; readonly value: AnyValue };

export type OtlpResource = { readonly attributes: readonly KeyValue[] };

export function keyValues(attributes: Readonly<Record<string, string | number | boolean>>): KeyValue[] {
  return Object.entries(attributes).map(([key, value]) => ({ key, value: anyValue(value) }));
}

export function anyValue(value: string | number | boolean): AnyValue {
  if (typeof value === 'string') return { stringValue: value };
  if (typeof value === 'boolean') return { boolValue: value };
  return Number.isSafeInteger(value) ? { intValue: String(value) } : { doubleValue: value };
}

/** In the year 2262: what a collector can count, in 63 bits. One time beyond it and it refuses the whole request. */
const latestMs = 9_223_372_036_854;

/** RFC 3339 to nanoseconds since 1970; what a device's clock says before that, or too far behind it, counts as the end of the range. */
export function unixNano(time: string): string {
  return String(BigInt(Math.min(latestMs, Math.max(0, Date.parse(time)))) * 1_000_000n);
}

/** Whom an event is about. */
export type Origin = { readonly tenant: string; readonly device: string };

export function resourceOf({ tenant, device }: Origin): OtlpResource {
  return {
    attributes: keyValues({
      'service.name': 'holdfast-agent',
      'service.instance.id': device,
      'holdfast.tenant': tenant,
      'holdfast.device': device,
    }),
  };
}
