/// <reference lib="esnext.disposable" preserve="true" />
// The one place that touches the native module; everything above it is the public surface.

import native from '../../native.cjs';

export { native };

/** Where the native handle of a client stands: a symbol of the whole process, because a program may load both builds. */
export const NATIVE = Symbol.for('payamak.native');

/** Node asks this of whatever it prints; its own name for it needs no import. */
export const inspect = Symbol.for('nodejs.util.inspect.custom');

/** Older runtimes have no such symbol; there the method is simply not found by `await using`, which they lack too. */
export const asyncDispose: typeof Symbol.asyncDispose = (Symbol.asyncDispose ??
  Symbol.for('nodejs.asyncDispose')) as typeof Symbol.asyncDispose;

/** Puts something on an object that no print, copy or comparison sees. */
export function hide(target: object, key: PropertyKey, value: unknown): void {
  Object.defineProperty(target, key, { value, enumerable: false, writable: false, configurable: true });
}
