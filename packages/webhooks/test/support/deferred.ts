// A promise that a test settles itself (`Promise.withResolvers`, which Node 20 does not have).

export type Deferred<Value> = { readonly promise: Promise<Value>; resolve(value: Value): void };

export function deferred<Value = void>(): Deferred<Value> {
  let settle: (value: Value) => void = () => {};
  const promise = new Promise<Value>((resolve) => {
    settle = resolve;
  });
  return { promise, resolve: (value) => settle(value) };
}
