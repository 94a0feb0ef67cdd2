/**
 * What a program imports and does not call is not loaded.
 *
 * @module
 */

/** A function that returns a promise, whatever its overloads. */
type Async = (...args: never[]) => Promise<unknown>;

/**
 * A function whose implementation is loaded when it is called first. A program that only serves does
 * not load the client, and one that imports the library for its codec loads neither: together they
 * are a third of the modules and a quarter of the code.
 *
 * @param load Loads the implementation.
 */
export function whenCalled<F extends Async>(load: () => Promise<F>): F {
  let loading: Promise<F> | undefined;
  let loaded: F | undefined;
  const call = async (...args: never[]) => {
    loaded = await (loading ??= load());
    return await loaded(...args);
  };
  // Once it is loaded, nothing is between the caller and it.
  return ((...args: never[]) => loaded === undefined ? call(...args) : loaded(...args)) as F;
}
