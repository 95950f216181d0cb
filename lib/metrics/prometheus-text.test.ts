import { describe, expect, it } from '@jest/globals';
import { prometheusText } from './prometheus-text.ts';

describe('prometheusText', () => {
  it('names by the rules of OpenTelemetry, with units and _total', () => {
    const text = prometheusText([
      {
        ...{ name: 'holdfast.stream.size', unit: 'By', kind: 'gauge', description: 'Bytes.' },
        points: [{ attributes: { stream: 'weather' }, value: 12 }],
      },
      {
        ...{ name: 'process.cpu.time', unit: 's', kind: 'counter', description: 'Time.' },
        points: [{ attributes: { 'cpu.mode': 'user' }, value: 0.5 }],
      },
      {
        ...{ name: 'test.budget', unit: '1', kind: 'gauge', description: 'Part.' },
        points: [{ attributes: {}, value: 1 }],
      },
    ]);
    expect(text.split('\n').filter((line) => !line.startsWith('#'))).toEqual([
      'holdfast_stream_size_bytes{stream="weather"} 12',
      'process_cpu_time_seconds_total{cpu_mode="user"} 0.5',
      'test_budget_ratio 1',
      '',
    ]);
  });

  it('adds up the buckets of a histogram', () => {
    const text = prometheusText([
      {
        ...{ name: 'commit.duration', unit: 's', kind: 'histogram', description: 'Time.', bounds: [0.1, 1] },
        points: [{ attributes: {}, count: 6, sum: 9.5, buckets: [1, 2, 3] }],
      },
    ]);
    expect(text).toBe(
      [
        '# HELP commit_duration_seconds Time.',
        '# TYPE commit_duration_seconds histogram',
        'commit_duration_seconds_bucket{le="0.1"} 1',
        'commit_duration_seconds_bucket{le="1"} 3',
        'commit_duration_seconds_bucket{le="+Inf"} 6',
        'commit_duration_seconds_sum 9.5',
        'commit_duration_seconds_count 6',
        '',
      ].join('\n'),
    );
  });

  it('escapes what a label or a help text may hold', () => {
    const text = prometheusText([
      {
        ...{ name: 'a', unit: '{x}', kind: 'gauge', description: 'one\ntwo \\' },
        points: [{ attributes: { name: 'a"b\\c\nd' }, value: 1 }],
      },
    ]);
    expect(text).toContain('# HELP a one\\ntwo \\\\\n');
    expect(text).toContain('a{name="a\\"b\\\\c\\nd"} 1\n');
  });
});
