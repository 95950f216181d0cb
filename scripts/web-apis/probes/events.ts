import type { Api } from '../api.ts';

const standard = 'DOM';
const log = `const seen = []; const target = new EventTarget(); const note = (event) => seen.push(event.type);`;

export const events: readonly Api[] = [
  {
    name: 'Event',
    standard,
    deviation: 'There is no tree: an event has one target, and nothing bubbles.',
    checks: {
      'keeps its type': `new Event('ping').type === 'ping'`,
      'needs a type': `throws(() => new Event(), 'TypeError')`,
      'takes bubbles, cancelable and composed': `(() => { const e = new Event('x', { bubbles: true, cancelable: true, composed: true }); return e.bubbles && e.cancelable && e.composed; })()`,
      'bubbles and is cancelable only when asked to': `(() => { const e = new Event('x'); return !e.bubbles && !e.cancelable && !e.composed; })()`,
      'is prevented only when it is cancelable': `(() => { const a = new Event('x'), b = new Event('x', { cancelable: true }); a.preventDefault(); b.preventDefault(); return !a.defaultPrevented && b.defaultPrevented && a.returnValue && !b.returnValue; })()`,
      'has no target before it is dispatched': `new Event('x').target === null && new Event('x').currentTarget === null && new Event('x').eventPhase === 0`,
      'is trusted only when the runtime fires it': `new Event('x').isTrusted === false && Object.hasOwn(new Event('x'), 'isTrusted')`,
      'has constants': `Event.NONE === 0 && Event.AT_TARGET === 2 && Event.prototype.BUBBLING_PHASE === 3`,
      'has a time stamp': `typeof new Event('x').timeStamp === 'number' && new Event('x').timeStamp >= 0`,
      'is initialised anew by initEvent': `(() => { const e = new Event('x'); e.initEvent('y', true, true); return e.type === 'y' && e.bubbles && e.cancelable; })()`,
      'has a path while it is dispatched': `(() => { ${log} let path; target.addEventListener('x', (e) => { path = e.composedPath(); }); const e = new Event('x'); target.dispatchEvent(e); return path.length === 1 && path[0] === target && e.composedPath().length === 0; })()`,
      'refuses to be read through a stranger': `throws(() => Object.getOwnPropertyDescriptor(Event.prototype, 'type').get.call({}), 'TypeError')`,
    },
  },
  {
    name: 'EventTarget',
    standard,
    checks: {
      'calls listeners in the order they were added': `(() => { const seen = []; const target = new EventTarget(); target.addEventListener('x', () => seen.push(1)); target.addEventListener('x', () => seen.push(2)); target.dispatchEvent(new Event('x')); return same(seen, [1, 2]); })()`,
      'calls those who capture first': `(() => { const t = new EventTarget(), l = []; t.addEventListener('a', () => l.push('b')); t.addEventListener('a', (e) => { l.push('c'); e.stopPropagation(); }, true); t.addEventListener('a', () => l.push('d'), true); t.dispatchEvent(new Event('a')); return same(l, ['c', 'd']); })()`,
      'calls whom one who captures adds': `(() => { const t = new EventTarget(), l = []; t.addEventListener('a', () => { l.push('b'); t.addEventListener('a', () => l.push('c')); t.addEventListener('a', () => l.push('d'), true); }, { capture: true, once: true }); t.dispatchEvent(new Event('a')); return same(l, ['b', 'c']); })()`,
      'calls nobody for an event that was stopped before': `(() => { const t = new EventTarget(), e = new Event('a'); let n = 0; t.addEventListener('a', () => n++); e.stopPropagation(); t.dispatchEvent(e); const before = n; t.dispatchEvent(e); return before === 0 && n === 1; })()`,
      'adds a listener once': `(() => { ${log} target.addEventListener('x', note); target.addEventListener('x', note); target.dispatchEvent(new Event('x')); return seen.length === 1; })()`,
      'keeps capturing listeners apart': `(() => { ${log} target.addEventListener('x', note); target.addEventListener('x', note, true); target.dispatchEvent(new Event('x')); return seen.length === 2; })()`,
      'removes a listener': `(() => { ${log} target.addEventListener('x', note); target.removeEventListener('x', note); target.dispatchEvent(new Event('x')); return seen.length === 0; })()`,
      'calls once with once': `(() => { ${log} target.addEventListener('x', note, { once: true }); target.dispatchEvent(new Event('x')); target.dispatchEvent(new Event('x')); return seen.length === 1; })()`,
      'does not prevent from a passive listener': `(() => { ${log} target.addEventListener('x', (e) => e.preventDefault(), { passive: true }); const e = new Event('x', { cancelable: true }); return target.dispatchEvent(e) && !e.defaultPrevented; })()`,
      'removes by a signal': `(() => { ${log} const c = new AbortController(); target.addEventListener('x', note, { signal: c.signal }); c.abort(); target.dispatchEvent(new Event('x')); return seen.length === 0; })()`,
      'adds nothing with an aborted signal': `(() => { ${log} target.addEventListener('x', note, { signal: AbortSignal.abort() }); target.dispatchEvent(new Event('x')); return seen.length === 0; })()`,
      'stops at once when told so': `(() => { ${log} target.addEventListener('x', (e) => { e.stopImmediatePropagation(); seen.push(1); }); target.addEventListener('x', note); target.dispatchEvent(new Event('x')); return same(seen, [1]); })()`,
      'calls handleEvent of an object': `(() => { ${log} const o = { handleEvent(e) { seen.push(this === o, e.type); } }; target.addEventListener('x', o); target.dispatchEvent(new Event('x')); return same(seen, [true, 'x']); })()`,
      'gives itself as this, target and currentTarget': `(() => { ${log} target.addEventListener('x', function (e) { seen.push(this === target, e.target === target, e.currentTarget === target, e.eventPhase); }); target.dispatchEvent(new Event('x')); return same(seen, [true, true, true, 2]); })()`,
      'tells whether the event was prevented': `(() => { ${log} target.addEventListener('x', (e) => e.preventDefault()); return target.dispatchEvent(new Event('x', { cancelable: true })) === false && target.dispatchEvent(new Event('x')) === true; })()`,
      'goes on after a listener that throws': `(() => { ${log} const was = globalThis.onerror; globalThis.onerror = () => false; target.addEventListener('x', () => { throw new Error('listener'); }); target.addEventListener('x', note); target.dispatchEvent(new Event('x')); globalThis.onerror = was; return seen.length === 1; })()`,
      'does not call what is added while it dispatches': `(() => { ${log} target.addEventListener('x', () => target.addEventListener('x', note)); target.dispatchEvent(new Event('x')); return seen.length === 0; })()`,
      'does not call what is removed while it dispatches': `(() => { ${log} target.addEventListener('x', () => target.removeEventListener('x', note)); target.addEventListener('x', note); target.dispatchEvent(new Event('x')); return seen.length === 0; })()`,
      'refuses an event that is being dispatched': `(() => { ${log} let name; const e = new Event('x'); target.addEventListener('x', () => { try { target.dispatchEvent(e); } catch (error) { name = error.name; } }); target.dispatchEvent(e); return name === 'InvalidStateError'; })()`,
      'refuses what is no event': `throws(() => new EventTarget().dispatchEvent({ type: 'x' }), 'TypeError')`,
      'takes null as listener': `new EventTarget().addEventListener('x', null) === undefined`,
      'can be extended': `(() => { class Own extends EventTarget {} let n = 0; const own = new Own(); own.addEventListener('x', () => n++); own.dispatchEvent(new Event('x')); return n === 1; })()`,
      'is what the global object is': `globalThis instanceof EventTarget && (() => { let n = 0; const f = () => n++; addEventListener('probe', f); dispatchEvent(new Event('probe')); removeEventListener('probe', f); return n === 1; })()`,
    },
  },
  {
    name: 'CustomEvent',
    standard,
    checks: {
      'carries a detail': `new CustomEvent('x', { detail: 7 }).detail === 7`,
      'has null without one': `new CustomEvent('x').detail === null`,
      'is an Event': `new CustomEvent('x') instanceof Event && Object.prototype.toString.call(new CustomEvent('x')) === '[object CustomEvent]'`,
    },
  },
  {
    name: 'ErrorEvent',
    standard: 'HTML',
    checks: {
      'carries what it is given': `(() => { const error = new Error('e'); const e = new ErrorEvent('error', { message: 'm', filename: 'f', lineno: 3, colno: 4, error }); return e.message === 'm' && e.filename === 'f' && e.lineno === 3 && e.colno === 4 && e.error === error; })()`,
      'has defaults': `(() => { const e = new ErrorEvent('error'); return e.message === '' && e.filename === '' && e.lineno === 0 && e.colno === 0 && e.error === undefined; })()`,
    },
  },
  {
    name: 'PromiseRejectionEvent',
    standard: 'HTML',
    deviation:
      'The runtime fires none: a rejection that nobody handles is logged as a warning. `unhandledrejection` listeners are not called.',
    checks: {
      'carries promise and reason': `(() => { const promise = Promise.resolve(); const e = new PromiseRejectionEvent('unhandledrejection', { promise, reason: 5 }); return e.promise === promise && e.reason === 5; })()`,
      'needs a promise': `throws(() => new PromiseRejectionEvent('x', {}), 'TypeError')`,
    },
  },
  {
    name: 'MessageEvent',
    standard: 'HTML',
    checks: {
      'carries data': `same(new MessageEvent('message', { data: [1] }).data, [1]) && new MessageEvent('message').data === null`,
      'has origin, lastEventId, source and ports': `(() => { const e = new MessageEvent('message', { origin: 'o', lastEventId: '1' }); return e.origin === 'o' && e.lastEventId === '1' && e.source === null && Object.isFrozen(e.ports) && e.ports.length === 0; })()`,
    },
  },
  {
    name: 'MessageChannel',
    standard: 'HTML',
    deviation: 'Both ports are in one isolate; a message is delivered as a timer is, so it counts as one.',
    checks: {
      'has two ports': `(() => { const c = new MessageChannel(); return c.port1 instanceof MessagePort && c.port2 instanceof MessagePort && c.port1 !== c.port2 && c.port1 === c.port1; })()`,
      'delivers a clone, later': `(async () => { const { port1, port2 } = new MessageChannel(); const sent = { a: [1] }; let now = true; const got = new Promise((resolve) => { port2.onmessage = (e) => resolve([e.data, now]); }); port1.postMessage(sent); now = false; const [data, early] = await got; return same(data, sent) && data !== sent && !early; })()`,
      'keeps the order': `(async () => { const { port1, port2 } = new MessageChannel(); const seen = []; const done = new Promise((resolve) => { port2.onmessage = ({ data }) => { seen.push(data); if (data === 3) resolve(); }; }); [1, 2, 3].forEach((n) => port1.postMessage(n)); await done; return same(seen, [1, 2, 3]); })()`,
    },
  },
  {
    name: 'MessagePort',
    standard: 'HTML',
    checks: {
      'is not constructed': `throws(() => new MessagePort(), 'TypeError')`,
      'waits for start with addEventListener': `(async () => { const { port1, port2 } = new MessageChannel(); const got = new Promise((resolve) => port2.addEventListener('message', (e) => resolve(e.data))); port1.postMessage('x'); port2.start(); return (await got) === 'x'; })()`,
      'refuses what cannot be cloned': `throws(() => new MessageChannel().port1.postMessage(() => 1), 'DataCloneError')`,
      'transfers buffers': `(async () => { const { port1, port2 } = new MessageChannel(); const buffer = new ArrayBuffer(8); const got = new Promise((resolve) => { port2.onmessage = (e) => resolve(e.data); }); port1.postMessage(buffer, [buffer]); return buffer.byteLength === 0 && (await got).byteLength === 8; })()`,
      'transfers the bytes of a view': `(async () => { const { port1, port2 } = new MessageChannel(); const view = bytes(1, 2, 3).subarray(1); const got = new Promise((resolve) => { port2.onmessage = (e) => resolve(e.data); }); port1.postMessage(view, [view.buffer]); return same([...await got], [2, 3]); })()`,
      'transfers ports': `(async () => { const a = new MessageChannel(), b = new MessageChannel(); const got = new Promise((resolve) => { a.port2.onmessage = (e) => resolve(e.ports[0]); }); a.port1.postMessage(null, [b.port1]); const port = await got; const back = new Promise((resolve) => { b.port2.onmessage = (e) => resolve(e.data); }); port.postMessage('moved'); return (await back) === 'moved'; })()`,
      'is silent after close': `(() => { const { port1 } = new MessageChannel(); port1.close(); return port1.postMessage(1) === undefined; })()`,
    },
  },
  {
    name: 'AbortController',
    standard,
    checks: {
      'aborts its signal once': `(() => { const c = new AbortController(); let n = 0; c.signal.addEventListener('abort', () => n++); c.abort(); c.abort(); return c.signal.aborted && n === 1; })()`,
      'gives an AbortError as reason': `(() => { const c = new AbortController(); c.abort(); return c.signal.reason instanceof DOMException && c.signal.reason.name === 'AbortError'; })()`,
      'gives the reason it was given': `(() => { const c = new AbortController(); c.abort('why'); return c.signal.reason === 'why'; })()`,
      'has one signal': `(() => { const c = new AbortController(); return c.signal === c.signal && c.signal instanceof AbortSignal; })()`,
    },
  },
  {
    name: 'AbortSignal',
    standard,
    checks: {
      'is not constructed': `throws(() => new AbortSignal(), 'TypeError')`,
      'is made aborted by abort()': `AbortSignal.abort().aborted && AbortSignal.abort().reason.name === 'AbortError' && AbortSignal.abort(5).reason === 5`,
      'aborts after a timeout': `(async () => { const s = AbortSignal.timeout(5); if (s.aborted) return false; await new Promise((resolve) => { s.onabort = resolve; }); return s.aborted && s.reason.name === 'TimeoutError'; })()`,
      'refuses a negative timeout': `throws(() => AbortSignal.timeout(-1), 'TypeError')`,
      'follows any of several': `(() => { const a = new AbortController(), b = new AbortController(); const s = AbortSignal.any([a.signal, b.signal]); b.abort('b'); a.abort('a'); return s.aborted && s.reason === 'b'; })()`,
      'follows signals that follow': `(() => { const a = new AbortController(); const s = AbortSignal.any([AbortSignal.any([a.signal])]); a.abort(1); return s.reason === 1; })()`,
      'is aborted at once by an aborted one': `AbortSignal.any([AbortSignal.abort(3)]).reason === 3`,
      'never aborts for none': `AbortSignal.any([]).aborted === false`,
      'throws its reason': `throws(() => AbortSignal.abort().throwIfAborted(), 'AbortError') && new AbortController().signal.throwIfAborted() === undefined`,
      'fires a trusted event': `(() => { const c = new AbortController(); let e; c.signal.onabort = (event) => { e = event; }; c.abort(); return e.isTrusted && e.type === 'abort' && e.target === c.signal; })()`,
      'has onabort null at first': `new AbortController().signal.onabort === null`,
    },
  },
  {
    name: 'DOMException',
    standard: 'Web IDL',
    checks: {
      'has a name, message and code': `(() => { const e = new DOMException('m', 'NotFoundError'); return e.name === 'NotFoundError' && e.message === 'm' && e.code === 8; })()`,
      'has defaults': `(() => { const e = new DOMException(); return e.name === 'Error' && e.message === '' && e.code === 0; })()`,
      'has code 0 for a name without one': `new DOMException('', 'OperationError').code === 0 && new DOMException('', 'toString').code === 0`,
      'is an Error': `new DOMException('m') instanceof Error && Object.getPrototypeOf(DOMException.prototype) === Error.prototype`,
      'shows as name and message': `String(new DOMException('m', 'AbortError')) === 'AbortError: m'`,
      'has constants': `DOMException.ABORT_ERR === 20 && DOMException.DATA_CLONE_ERR === 25 && DOMException.prototype.SYNTAX_ERR === 12`,
      'has a stack with name and message': `/^AbortError: m\\n/.test(new DOMException('m', 'AbortError').stack)`,
      'has accessors on its prototype': `typeof Object.getOwnPropertyDescriptor(DOMException.prototype, 'message').get === 'function' && !Object.hasOwn(new DOMException('m'), 'message')`,
    },
  },
];
