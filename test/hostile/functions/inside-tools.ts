/**
 * Stands before the code of a program, with builtins that the program bends afterwards. `found` is what an attack came by;
 * `escaped()` walks everything that can be reached from there and names what is not of this realm. No escape: an empty list.
 */
export const insideTools = `
const found = [];
const get = (work) => { try { const value = work(); found.push(value); return value; } catch (error) { found.push(error); return error; } };
const getLater = async (work) => { try { const value = await work(); found.push(value); return value; } catch (error) { found.push(error); return error; } };
const escaped = (() => {
  const { getPrototypeOf, getOwnPropertyDescriptor, ownKeys, apply } = Reflect;
  const OwnFunction = Function, OwnObject = Object, OwnSet = Set, root = Object.prototype, leaf = Function.prototype;
  const toText = OwnObject.prototype.toString, match = RegExp.prototype.test, push = Array.prototype.push, add = Set.prototype.add, has = Set.prototype.has;
  const telling = /isolate|^\\[object (Reference|ExternalCopy|Callback|process)\\]$|dereference|externalcopy|^require$|^binding$|^dlopen$|processbinding/i;
  const hostPath = /node:internal|file:\\/\\/|\\/host\\/|\\/dist\\/|node_modules/;
  const own = globalThis;
  const rootOf = (value) => { try { let top = value; for (let next = getPrototypeOf(top), depth = 0; next !== null && depth < 100; next = getPrototypeOf(top), depth++) top = next; return top; } catch { return root; } };
  // What such code gives is our global object, or a promise or generator of our realm.
  const isForeign = (constructor) => { try { const self = constructor('return this')(); return self !== own && typeof self === 'object' && rootOf(self) !== root && !apply(has, strange, [rootOf(self)]); } catch { return false; } };
  return (least = 500) => {
    const problems = [], seen = new OwnSet(), queue = [globalThis, found];
    const put = (value) => { queue[queue.length] = value; };
    const tell = (what) => { if (problems.length < 20) problems[problems.length] = what; };
    let strings = 0;
    while (queue.length > 0 && seen.size < 100000) {
      const value = queue[queue.length - 1]; queue.length--;
      if (typeof value === 'string') { if (strings++ < 5000 && value.length < 20000 && apply(match, hostPath, [value])) tell('a string of the host: ' + value.slice(0, 200)); continue; }
      if ((typeof value !== 'object' && typeof value !== 'function') || value === null || apply(has, seen, [value])) continue;
      apply(add, seen, [value]);
      const top = rootOf(value);
      if (top !== value && top !== root && typeof top === 'object' && apply(has, strange, [top]) === false) tell('an object of another realm: ' + tag(value));
      if (typeof value === 'function' && apply(match, telling, [nameOf(value)])) tell('a function called ' + nameOf(value));
      if (apply(match, telling, [tag(value)])) tell(tag(value));
      let maker; try { maker = value.constructor; } catch {}
      if (typeof maker === 'function' && maker !== OwnFunction && /Function$/.test(nameOf(maker)) && isForeign(maker)) tell('a Function of another realm by ' + tag(value));
      try { put(getPrototypeOf(value)); } catch {}
      let keys = []; try { keys = ownKeys(value); } catch {}
      for (let n = 0; n < keys.length && n < 5000; n++) {
        let property; try { property = getOwnPropertyDescriptor(value, keys[n]); } catch {}
        if (!property) continue;
        put(property.value); put(property.get); put(property.set);
        if (property.get) try { put(apply(property.get, value, [])); } catch (error) { put(error); }
      }
    }
    if (seen.size < least) tell('the walk reached only ' + seen.size + ' objects');
    return problems;
  };
  function tag(value) { try { return apply(toText, value, []); } catch { return 'what has no tag'; } }
  function nameOf(value) { const property = getOwnPropertyDescriptor(value, 'name'); return typeof property?.value === 'string' ? property.value : ''; }
})();
const strange = new Set();
`;
