import type { AgentMeter } from './metrics.ts';

const sampleMs = 1000;

/** Measures the agent's own process. One timer a second, that keeps no process alive; disposing it ends it. */
export function measureProcess(meter: AgentMeter): Disposable {
  const stop = meter.observe((report) => {
    const { user, system } = process.cpuUsage();
    const { active, idle } = performance.eventLoopUtilization();
    report('process.memory.usage', process.memoryUsage.rss(), {});
    report('process.cpu.time', user / 1e6, { 'cpu.mode': 'user' });
    report('process.cpu.time', system / 1e6, { 'cpu.mode': 'system' });
    report('process.uptime', process.uptime(), {});
    report('nodejs.eventloop.time', active / 1000, { 'nodejs.eventloop.state': 'active' });
    report('nodejs.eventloop.time', idle / 1000, { 'nodejs.eventloop.state': 'idle' });
  });
  let expected = performance.now() + sampleMs;
  const timer = setInterval(() => {
    const now = performance.now();
    meter.record('holdfast.agent.eventloop.delay', Math.max(0, now - expected) / 1000, {});
    expected = now + sampleMs;
  }, sampleMs).unref();
  return {
    [Symbol.dispose]() {
      clearInterval(timer);
      stop();
    },
  };
}
