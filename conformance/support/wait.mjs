// Waiting for conditions, always with a deadline.
//
// in:  a promise, an emitter's event, or a probe to repeat
// out: the value, or an error that names what did not happen
// odd: there is no `sleep` here on purpose. A test that must show that something does NOT arrive sends something
//      that arrives later on the same ordered channel and waits for that.

/** How long a test waits for a thing that is expected to happen at once, in milliseconds. */
export const DEADLINE = 5_000;

/** Rejects when `promise` has not settled in `ms`; `what` names it in the error. */
export function within(promise, what, ms = DEADLINE) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what}: not within ${ms} ms`)), ms);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/** Resolves with the argument list of the next `event` of `emitter`. */
export function next(emitter, event, ms = DEADLINE) {
  let listener;
  const heard = new Promise((resolve) => {
    listener = (...args) => resolve(args);
    emitter.once(event, listener);
  });
  return within(heard, `event "${event}"`, ms).finally(() => emitter.off(event, listener));
}

/** Repeats `probe` until it returns something truthy, which is the result. */
export async function eventually(probe, what, ms = DEADLINE) {
  const end = Date.now() + ms;
  for (;;) {
    const value = await probe();
    if (value) return value;
    if (Date.now() > end) throw new Error(`${what}: not within ${ms} ms`);
    // The step only bounds how often we ask; the outcome does not depend on it.
    await new Promise((resolve) => setTimeout(resolve, 3));
  }
}
