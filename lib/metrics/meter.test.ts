import { describe, expect, it } from '@jest/globals';
import { Meter } from './meter.ts';

const definitions = {
  'test.requests': { kind: 'counter', unit: '{request}', description: 'Requests.', attributes: ['status'] },
  'test.depth': { kind: 'gauge', unit: '{event}', description: 'Depth.' },
  'test.duration': { kind: 'histogram', unit: 's', description: 'Duration.', bounds: [0.1, 1] },
} as const;

describe('Meter', () => {
  it('tells nothing of what was never measured', () => {
    expect(new Meter(definitions).snapshot()).toEqual([]);
  });

  it('counts by attributes', () => {
    const meter = new Meter(definitions);
    meter.add('test.requests', { status: '200' });
    meter.add('test.requests', { status: '200' }, 2);
    meter.add('test.requests', { status: '404' });
    expect(meter.snapshot()).toMatchObject([
      {
        name: 'test.requests',
        points: [
          { attributes: { status: '200' }, value: 3 },
          { attributes: { status: '404' }, value: 1 },
        ],
      },
    ]);
  });

  it('puts a value on a bound into the bucket below', () => {
    const meter = new Meter(definitions);
    for (const value of [0.1, 0.5, 3]) meter.record('test.duration', value, {});
    expect(meter.snapshot()).toMatchObject([
      { bounds: [0.1, 1], points: [{ count: 3, sum: 3.6, buckets: [1, 1, 1] }] },
    ]);
  });

  it('leaves out what is no number', () => {
    const meter = new Meter(definitions);
    meter.set('test.depth', Number.NaN, {});
    meter.record('test.duration', Number.POSITIVE_INFINITY, {});
    expect(meter.snapshot()).toEqual([]);
  });

  it('asks observers anew at every snapshot, until they are stopped', () => {
    const meter = new Meter(definitions);
    let depth = 3;
    const stop = meter.observe((report) => report('test.depth', depth, {}));
    expect(meter.snapshot()).toMatchObject([{ points: [{ value: 3 }] }]);
    depth = 4;
    expect(meter.snapshot()).toMatchObject([{ points: [{ value: 4 }] }]);
    stop();
    expect(meter.snapshot()).toEqual([]);
  });

  it('keeps at most 200 series of a metric and loses no count', () => {
    const meter = new Meter(definitions);
    for (let status = 0; status < 5000; status++) meter.add('test.requests', { status: String(status) });
    const points = meter.snapshot()[0]?.points ?? [];
    expect(points).toHaveLength(200);
    expect(points.at(-1)).toEqual({ attributes: { 'otel.metric.overflow': 'true' }, value: 4801 });
  });

  it('keeps at most 200 series of what is observed', () => {
    const meter = new Meter(definitions);
    meter.observe((report) => {
      for (let status = 0; status < 500; status++)
        report('test.requests', 1, { status: `${String(status)}${'x'.repeat(1000)}` });
    });
    const points = meter.snapshot()[0]?.points ?? [];
    expect(points).toHaveLength(200);
    expect(points.at(-1)).toMatchObject({ value: 301 });
    expect(points[0]?.attributes.status).toHaveLength(128);
  });
});
